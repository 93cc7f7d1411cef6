"""A small internet in network namespaces: two customers behind routers of which each can be any kind
of NAT, a public segment with servers, and links that delay and lose.

    cli 192.168.1.2 --- nata ---\\                    /--- natb --- wrk 192.168.2.2
        2001:db8:1::2    203.0.113.11 --- inet --- 203.0.113.12     2001:db8:2::2
                                     203.0.113.1, .2

Everything lives in one private mount and network namespace, so it vanishes with the process that
made it, whatever happens. Needs root, iproute2, nftables and conntrack.
"""
import os
import subprocess
import sys
import tempfile
import time

NEEDED = ["ip", "nft", "conntrack", "turnserver"]
SERVER, SERVER_2 = "203.0.113.1", "203.0.113.2"
SERVER_6 = "2001:db8::1"
# Nobody lives here: packets to it vanish without an answer.
NOBODY = "203.0.113.99"
SIDES = {"cli": ("nata", 1), "wrk": ("natb", 2)}


def enter(script):
    """Run the script again inside namespaces of its own; returns only there."""
    if os.environ.get("HAWSER_NAT_LAB") == "yes":
        sh("mount -t tmpfs none /run/netns")
        return
    missing = [tool for tool in NEEDED if not which(tool)]
    if os.geteuid() != 0 or missing:
        why = f"missing: {' '.join(missing)} (scripts/deps --test brings them)" if missing \
            else "only root can make network namespaces"
        print(f"{script}: {why}", file=sys.stderr)
        print("0 passed, 1 failed")
        sys.exit(1)
    os.makedirs("/run/netns", exist_ok=True)
    os.environ["HAWSER_NAT_LAB"] = "yes"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--propagation", "private", sys.executable,
                          script, *sys.argv[1:]])


def which(tool):
    return any(os.access(os.path.join(folder, tool), os.X_OK)
               for folder in (*os.environ["PATH"].split(":"), "/usr/sbin", "/sbin"))


def sh(line, ns=None, **options):
    words = line.split() if isinstance(line, str) else line
    if ns:
        words = ["ip", "netns", "exec", ns, *words]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.strip()}")
    return done.stdout


# ---- The network

links = {}


class Link:
    """The line of a customer: frames pass through a program that can make them suffer."""

    def __init__(self, build, *where):
        self.process = subprocess.Popen([os.path.join(build, "tests/nat/link"), *where], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.expect("ready")

    def expect(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise RuntimeError(f"the link said {line!r} instead of {word!r}")

    def suffer(self, orders):
        self.process.stdin.write(orders + "\n")
        self.process.stdin.flush()
        self.expect("done")


def suffer(orders=""):
    """What both lines do to frames from now on (tests/nat/link.c); nothing without orders."""
    for link in links.values():
        link.suffer(orders)


def up(build):
    """The internet is the namespace that we are in; the other four are named."""
    sh("ip link set lo up")
    sh("ip link add br0 type bridge")
    sh("ip link set br0 up")
    for addr in (f"{SERVER}/24", f"{SERVER_2}/24"):
        sh(f"ip addr add {addr} dev br0")
    sh(f"ip addr add {SERVER_6}/64 dev br0 nodad")
    for host, (router, number) in SIDES.items():
        for name in (host, router):
            sh(f"ip netns add {name}")
            sh(f"ip -n {name} link set lo up")
        sh(f"ip link add lan netns {router} type veth peer name eth0 netns {host}")
        links[host] = Link(build, f"/run/netns/{router}", "wan", "-", f"to_{router}")
        sh(f"ip link set to_{router} master br0 up")
        sh(f"ip -n {router} addr add 192.168.{number}.1/24 dev lan")
        sh(f"ip -n {router} addr add 203.0.113.1{number}/24 dev wan")
        sh(f"ip -n {host} addr add 192.168.{number}.2/24 dev eth0")
        sh(f"ip -n {router} link set lan up")
        sh(f"ip -n {router} link set wan up")
        sh(f"ip -n {host} link set eth0 up")
        sh(f"ip -n {host} route add default via 192.168.{number}.1")
        sh(f"ip -n {router} route add default via 203.0.113.254")
        sh("sysctl -qw net.ipv4.ip_forward=1", ns=router)
    # A private address is unroutable out there: it must vanish and not be refused, or servers that
    # relay give up a whole allocation over it.
    sh("ip neigh replace 203.0.113.254 lladdr 02:00:00:00:fe:fe dev br0 nud permanent")
    sh(f"ip neigh replace {NOBODY} lladdr 02:00:00:00:fe:fd dev br0 nud permanent")
    sh("ip route replace default via 203.0.113.254")


def ip6(on):
    """Give both customers routed IPv6 addresses, or take them away."""
    verb = "add" if on else "del"
    for host, (router, number) in SIDES.items():
        sh(f"ip -n {router} addr {verb} 2001:db8:{number}::1/64 dev lan" + " nodad" * on)
        sh(f"ip -n {router} addr {verb} 2001:db8::1{number}/64 dev wan" + " nodad" * on)
        sh(f"ip -n {host} addr {verb} 2001:db8:{number}::2/64 dev eth0" + " nodad" * on)
        if on:
            sh("sysctl -qw net.ipv6.conf.all.forwarding=1", ns=router)
            sh(f"ip -n {host} -6 route replace default via 2001:db8:{number}::1")
            sh(f"ip -n {router} -6 route replace default via {SERVER_6}")
            sh(f"ip -6 route replace 2001:db8:{number}::/64 via 2001:db8::1{number}")
        else:
            sh(f"ip -6 route del 2001:db8:{number}::/64")
    if on:
        sh("sysctl -qw net.ipv6.conf.all.forwarding=1")


def ip4(on):
    """Give both customers IPv4 addresses, or take them away."""
    for host, (_, number) in SIDES.items():
        sh(f"ip -n {host} addr {'add' if on else 'del'} 192.168.{number}.2/24 dev eth0")
        if on:
            sh(f"ip -n {host} route add default via 192.168.{number}.1")


# ---- Routers. The names are those of RFC 4787 section 4 and 5: how a mapping is chosen, and whose
# packets come in through it.

KINDS = ["open", "full", "address", "port", "symmetric", "no-udp"]


def nat(side, kind):
    """Make the router of a side ("cli" or "wrk") a NAT of one kind.

    open       endpoint-independent mapping and filtering, and the host's own ports kept: no NAT but
               a name for it
    full       the same mapping for all, everybody may come in
    address    the same mapping for all; in comes who was sent something, from any of its ports
    port       the same mapping for all; in comes what was sent something
    symmetric  a mapping for each destination; in comes what was sent something
    no-udp     no UDP passes
    """
    router, number = SIDES[side]
    host = f"192.168.{number}.2"
    sets = before = ""
    masquerade = "oifname wan masquerade"
    allowed = ("oifname wan accept; ct state established,related accept; "
               "ct status dnat accept;")
    if kind in ("full", "open"):
        before = f"iifname wan udp dport 1024-65535 dnat to {host};"
    elif kind == "address":
        sets = "set seen { type ipv4_addr; flags dynamic,timeout; timeout 60s; }"
        before = f"iifname wan ip saddr @seen udp dport 1024-65535 dnat to {host};"
        allowed = "oifname wan update @seen { ip daddr }; " + allowed
    elif kind == "symmetric":
        masquerade = "oifname wan meta l4proto udp masquerade fully-random; " + masquerade
    elif kind == "no-udp":
        allowed = "meta l4proto udp drop; " + allowed
    elif kind != "port":
        raise ValueError(kind)
    # What is not ours vanishes: an answer "port unreachable" or a mapping made by a packet from
    # outside would change what the kind means.
    rules = f"""flush ruleset
table ip nat {{
    {sets}
    chain before {{ type nat hook prerouting priority -100; {before} }}
    chain own {{ type filter hook input priority 0; iifname wan meta l4proto udp drop; }}
    chain through {{ type filter hook forward priority 0; policy drop; {allowed} }}
    chain after {{ type nat hook postrouting priority 100; {masquerade}; }}
}}
"""
    sh(["nft", "-f", "-"], ns=router, input=rules)
    forget(side)


def forget(side):
    """The router forgets all its mappings, as after a restart."""
    subprocess.run(["ip", "netns", "exec", SIDES[side][0], "conntrack", "-F"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


# ---- Programs

class Program:
    """A program in a namespace, its output in a file."""

    def __init__(self, *words, ns=None, **options):
        self.out = tempfile.TemporaryFile()
        self.name = " ".join(words)
        if ns:
            words = ["ip", "netns", "exec", ns, *words]
        self.process = subprocess.Popen(words, stdin=options.pop("stdin", subprocess.DEVNULL),
                                        stdout=self.out, stderr=subprocess.STDOUT, **options)

    def text(self):
        fd = self.out.fileno()
        return os.pread(fd, os.fstat(fd).st_size, 0).decode(errors="replace")

    def wait_for(self, text, limit=30):
        end = time.monotonic() + limit
        while text not in self.text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{self.name}: no {text!r} in\n{self.text()}")
            time.sleep(0.005)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=30)


TURN_USER, TURN_PASSWORD = "alice", "secret"


def coturn(folder):
    """A STUN and TURN server on the public segment: UDP and TCP on 3478."""
    config = os.path.join(folder, "turn.conf")
    with open(config, "w", encoding="ascii") as out:
        out.write(f"""listening-ip={SERVER}
listening-ip={SERVER_6}
relay-ip={SERVER}
relay-ip={SERVER_6}
listening-port=3478
lt-cred-mech
user={TURN_USER}:{TURN_PASSWORD}
realm=hawser.test
fingerprint
no-tls
no-dtls
no-cli
verbose
log-file=stdout
pidfile={folder}/turn.pid
userdb={folder}/turn.db
""")
    server = Program("turnserver", "-c", config)
    server.wait_for("Total General servers")
    return server

"""A small internet in network namespaces: two customers behind routers of which each can be any kind
of NAT, a public segment with servers, and links that delay and lose.

    cli 192.168.1.2 --- nata ---\\                    /--- natb --- wrk 192.168.2.2
        2001:db8:1::2    203.0.113.11 --- inet --- 203.0.113.12     2001:db8:2::2
                                     203.0.113.1, .2

Scenes add a second line between the customer and its router (second_line), another customer behind
the same router (neighbour), a second NAT in front of one (inner_nat), or a host out there (public).

Everything lives in one private mount and network namespace, so it vanishes with the process that
made it, whatever happens. Needs root, iproute2, nftables and conntrack.
"""
import base64
import hmac
import os
import subprocess
import sys
import tempfile
import time

NEEDED = ["ip", "nft", "conntrack", "turnserver", "openssl"]
SERVER, SERVER_2 = "203.0.113.1", "203.0.113.2"
SERVER_6 = "2001:db8::1"
PUBLIC = "203.0.113.20"
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


def join(one, device, address, other, other_device, other_address):
    """A cable between two namespaces."""
    sh(f"ip link add {device} netns {one} type veth peer name {other_device} netns {other}")
    for name, end, where in ((one, device, address), (other, other_device, other_address)):
        sh(f"ip -n {name} addr add {where} dev {end}")
        sh(f"ip -n {name} link set {end} up")


def cut(name, device):
    """Take a cable out; both its ends are gone."""
    sh(f"ip -n {name} link del {device}")


def second_line(on):
    """The client's host gets a second line to its router, without a route yet; see use_line()."""
    if on:
        join("cli", "eth1", "192.168.3.2/24", "nata", "lan3", "192.168.3.1/24")
    else:
        cut("cli", "eth1")


def use_line(device, number):
    sh(f"ip -n cli route replace default via 192.168.{number}.1 dev {device}")


def host(name, on):
    if not on:
        sh(f"ip netns del {name}")
        return
    sh(f"ip netns add {name}")
    sh(f"ip -n {name} link set lo up")


def public(on):
    """A host, "pub", on the public segment, which neither sends nor takes UDP."""
    if not on:
        cut("pub", "eth0")
    host("pub", on)
    if not on:
        return
    sh("ip link add to_pub type veth peer name eth0 netns pub")
    sh("ip link set to_pub master br0 up")
    sh(f"ip -n pub addr add {PUBLIC}/24 dev eth0")
    sh("ip -n pub link set eth0 up")
    rules = "".join(f"chain {hook} {{ type filter hook {hook} priority 0; meta l4proto udp drop; }}\n"
                    for hook in ("input", "output"))
    sh(["nft", "-f", "-"], ns="pub", input=f"table ip filter {{\n{rules}}}\n")


def neighbour(on):
    """Another customer, "mate", behind the client's router."""
    host("mate", on)
    if on:
        join("mate", "eth0", "192.168.9.2/24", "nata", "lan9", "192.168.9.1/24")
        sh("ip -n mate route add default via 192.168.9.1")


def inner_nat(on):
    """A customer, "deep", behind a port-dependent NAT of its own behind the client's router."""
    host("natc", on)
    host("deep", on)
    if on:
        join("natc", "wan", "192.168.8.2/24", "nata", "lan8", "192.168.8.1/24")
        join("deep", "eth0", "10.9.0.2/24", "natc", "lan", "10.9.0.1/24")
        sh("ip -n natc route add default via 192.168.8.1")
        sh("ip -n deep route add default via 10.9.0.1")
        sh("sysctl -qw net.ipv4.ip_forward=1", ns="natc")
        load("natc", "", "", "oifname wan masquerade",
             "oifname wan accept; ct state established,related accept;")


def hairpin(on):
    """The client's router lets UDP port 40001 in for its host "cli" and 40002 for "mate"; with
    hairpin also what these two send to its outer address. They do not see each other directly."""
    outer = f"203.0.113.1{SIDES['cli'][1]}"
    where = f"ip daddr {outer}" if on else "iifname wan"
    load("nata", "",
         f"{where} udp dport 40001 dnat to 192.168.1.2; {where} udp dport 40002 dnat to 192.168.9.2;",
         f"oifname wan masquerade; ct status dnat iifname != wan snat to {outer}",
         "oifname wan accept; ct state established,related accept; ct status dnat accept;")
    forget("cli")


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

KINDS = ["open", "full", "hairpin", "address", "port", "symmetric", "no-udp"]


def nat(side, kind):
    """Make the router of a side ("cli" or "wrk") a NAT of one kind.

    open       endpoint-independent mapping and filtering, and the host's own ports kept: no NAT but
               a name for it
    full       the same mapping for all, everybody may come in
    hairpin    the same, and what the host sends to the mapping comes back in
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
    if kind in ("full", "open", "hairpin"):
        before = f"iifname wan udp dport 1024-65535 dnat to {host};"
        if kind == "hairpin":
            outside = f"203.0.113.1{number}"
            before += f"iifname lan ip daddr {outside} udp dport 1024-65535 dnat to {host};"
            masquerade += f"; oifname lan ip saddr {host} snat to {outside}"
    elif kind == "address":
        # Masquerade keeps the port, so the host's own one names the mapping.
        sets = "set seen { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; }"
        before = f"iifname wan udp dport 1024-65535 ip saddr . udp dport @seen dnat to {host};"
        allowed = "oifname wan meta l4proto udp update @seen { ip daddr . udp sport }; " + allowed
    elif kind == "symmetric":
        masquerade = "oifname wan meta l4proto udp masquerade fully-random; " + masquerade
    elif kind == "no-udp":
        allowed = "meta l4proto udp drop; " + allowed
    elif kind != "port":
        raise ValueError(kind)
    load(router, sets, before, masquerade, allowed)
    forget(side)


def load(router, sets, before, after, allowed):
    # What is not ours vanishes: an answer "port unreachable" or a mapping made by a packet from
    # outside would change what the kind means.
    rules = f"""flush ruleset
table ip nat {{
    {sets}
    chain before {{ type nat hook prerouting priority -100; {before} }}
    chain own {{ type filter hook input priority 0; iifname wan meta l4proto udp drop; }}
    chain through {{ type filter hook forward priority 0; policy drop; {allowed} }}
    chain after {{ type nat hook postrouting priority 100; {after}; }}
}}
"""
    sh(["nft", "-f", "-"], ns=router, input=rules)


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
SHARED_SECRET = "between the server and who hands out credentials"
TURN_NAME = "turn.hawser.test"


def certificate(folder):
    """A certificate for TURN_NAME, which every namespace knows as SERVER from now on."""
    names = os.path.join(folder, "hosts")
    with open(names, "w", encoding="ascii") as out:
        out.write(f"127.0.0.1 localhost\n{SERVER} {TURN_NAME}\n")
    sh(f"mount --bind {names} /etc/hosts")
    sh(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", f"/CN={TURN_NAME}", "-addext", f"subjectAltName=DNS:{TURN_NAME}",
        "-keyout", f"{folder}/turn.key", "-out", f"{folder}/turn.crt"])


def credentials(lifetime):
    """Name and password for the server at SERVER_2, good for so many seconds from now."""
    name = f"{int(time.time()) + lifetime}:{TURN_USER}"
    password = hmac.new(SHARED_SECRET.encode(), name.encode(), "sha1").digest()
    return name, base64.b64encode(password).decode()


def coturn(folder, address=SERVER):
    """A STUN and TURN server on the public segment, port 3478: at SERVER by UDP, TCP and TLS for one
    user, at SERVER_2 for whom credentials() were made for."""
    config = os.path.join(folder, f"turn-{address}.conf")
    if address == SERVER:
        more = f"""listening-ip={SERVER_6}
relay-ip={SERVER_6}
user={TURN_USER}:{TURN_PASSWORD}
cert={folder}/turn.crt
pkey={folder}/turn.key
lt-cred-mech
"""
    else:
        more = f"use-auth-secret\nstatic-auth-secret={SHARED_SECRET}\nno-tls\n"
    with open(config, "w", encoding="ascii") as out:
        out.write(f"""listening-ip={address}
relay-ip={address}
{more}listening-port=3478
realm=hawser.test
fingerprint
no-dtls
no-cli
verbose
log-file=stdout
pidfile={config}.pid
userdb={config}.db
""")
    server = Program("turnserver", "-c", config)
    server.wait_for("Total General servers")
    return server


STUN_PORT = 3480


def stun(folder, rfc5780=True):
    """A STUN server alone, on both public addresses, at STUN_PORT and the port after it."""
    server = Program("turnserver", "-n", "--log-file=stdout", "--stun-only", "--no-cli", "--no-tls",
                     "--no-dtls", f"--listening-ip={SERVER}", f"--listening-ip={SERVER_2}",
                     f"--listening-port={STUN_PORT}", f"--alt-listening-port={STUN_PORT + 1}",
                     f"--pidfile={folder}/stun.pid", f"--db={folder}/stun.db",
                     *([] if rfc5780 else ["--no-rfc5780"]))
    server.wait_for("Total General servers")
    return server

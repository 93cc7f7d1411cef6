#!/bin/sh
# The drawings in doc/fsm/ are made from the tables that are compiled in.
# Run by `make check` in the build directory; Automake passes srcdir.
exec "${srcdir:-.}/scripts/fsm-dot" --check .

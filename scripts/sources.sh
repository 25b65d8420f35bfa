#!/usr/bin/env bash
# The C and C++ sources, one a line: what `./dev fmt` formats.
cd "$(dirname "$0")/.."
git ls-files -co --exclude-standard -- '*.h' '*.hpp' '*.c' '*.cpp'

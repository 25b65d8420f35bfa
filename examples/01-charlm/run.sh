#!/usr/bin/env bash
# Compiles the model, builds main.c with it, and runs it on text.txt.
# SEQC_BUILD is the build folder that holds bin/seqc.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
build=$(readlink -f "${SEQC_BUILD:-../../build}")
out=$build/examples/01-charlm
mkdir -p "$out"

"$build/bin/seqc" compile model.seq -o "$out/libcharlm.so" --header "$out/charlm.h" \
  --weights weights.safetensors
${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -Wall -Wextra -I../../runtime/include -I"$out" \
  main.c -o "$out/main" -L"$out" -lcharlm -Wl,-rpath,"$out" -lm
bits=$(sed -n 's/.*"lstm": \([0-9.]*\).*/\1/p' expected.json)
"$out/main" weights.safetensors text.txt expected_logits.npy "$bits"

#!/bin/sh
# Print the path of a Python >= 3.12: on PATH, under pyenv or conda, or fetched through uv.
set -eu

fits() {
    "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

[ -n "${PYTHON:-}" ] && fits "$PYTHON" && { command -v "$PYTHON"; exit 0; }

for name in python3.13 python3.12 python3.14 python3 python; do
    path=$(command -v "$name" 2>/dev/null) || continue
    if fits "$path"; then echo "$path"; exit 0; fi
done

for root in "${PYENV_ROOT:-$HOME/.pyenv}/versions" "$HOME/miniconda3/envs" "$HOME/anaconda3/envs" \
    "$HOME/miniforge3/envs" "$HOME/mambaforge/envs"; do
    for path in "$root"/*/bin/python3; do
        if [ -x "$path" ] && fits "$path"; then echo "$path"; exit 0; fi
    done
done
for path in "$HOME"/miniconda3/bin/python3 "$HOME"/anaconda3/bin/python3 \
    "$HOME"/miniforge3/bin/python3 "${CONDA_PREFIX:-/nonexistent}"/bin/python3; do
    if [ -x "$path" ] && fits "$path"; then echo "$path"; exit 0; fi
done

uv=$(command -v uv 2>/dev/null) || {
    tools=${XDG_CACHE_HOME:-$HOME/.cache}/panneuro/tools
    [ -x "$tools/bin/uv" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet uv; } >&2
    uv=$tools/bin/uv
}
"$uv" python install --quiet 3.12 >&2 && "$uv" python find 3.12 && exit 0
echo "panneuro needs Python 3.12 or newer: none is on PATH, under pyenv or conda, and uv could not fetch one. Install one and set PYTHON=/path/to/python3.12" >&2
exit 1

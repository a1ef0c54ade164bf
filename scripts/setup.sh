# The other scripts source this. It goes to the checkout and finds a Python that can run setup.py ($python).
# It must run on bash 3.2, which macOS ships.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# Without bytecode, each of the many processes of a test run compiles all its modules anew.
unset PYTHONDONTWRITEBYTECODE

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

if ! python=$(find_python); then
  if found=$(python3 --version 2>/dev/null); then
    echo "set-up: $found is too old: install Python 3.11 or newer and run this again" >&2
  else
    echo "set-up: no python3 on PATH: install Python 3.11 or newer and run this again" >&2
  fi
  exit 1
fi

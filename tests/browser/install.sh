#!/bin/sh
# What the browser tests need of the system: Debian's or Ubuntu's packages and, from npm, the accessibility rules.
# It asks for nothing that is there already, so a second call is quick and needs neither root nor a network.
set -eu
cd "$(dirname "$0")"

wanted=""
need() {  # need COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || wanted="$wanted $2"
}
need chromium chromium
need soffice libreoffice-writer-nogui
need pdftotext poppler-utils
need fc-list fontconfig
font() {  # font PATTERN PACKAGE
  fc-list "$1" 2>/dev/null | grep -q . || wanted="$wanted $2"
}
font "Noto Serif CJK SC" fonts-noto-cjk
font "Liberation Serif" fonts-liberation  # as wide as Times New Roman
rules=$(cksum < package-lock.json)
if [ "$(cat node_modules/.installed 2>/dev/null)" = "$rules" ]; then rules=""; else need npm npm; fi

if [ -n "$wanted" ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "make system knows only apt-get: install these with the tool of your system, then run it again:$wanted" >&2
    exit 2
  fi
  if [ "$(id -u)" != 0 ]; then
    echo "make system may not install packages as this user: run 'sudo sh tests/browser/install.sh', then again make system; it lacks:$wanted" >&2
    exit 2
  fi
  echo "Installing$wanted (once, up to 1 GB) ..."
  apt-get update -qq -o Acquire::Retries=3
  # shellcheck disable=SC2086 -- one word per package
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 $wanted >/dev/null
fi

if [ -n "$rules" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  echo "$rules" > node_modules/.installed
fi

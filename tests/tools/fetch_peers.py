"""Fetches libcoap with OSCORE into build/peers: python3 tests/tools/fetch_peers.py

Debian 12's libcoap lacks OSCORE, and Debian 13's needs a newer C library. So Debian 13's packages
are unpacked beside each other and run by their own loader: nothing of the machine changes. apt
fetches them from this machine's own mirror, with lists and caches of its own, and verifies them
by Debian's keys. A machine whose own libcoap has OSCORE uses that. Done before: returns at once.
"""

import os
import shutil
import subprocess
from pathlib import Path

PEERS = Path(__file__).resolve().parents[2] / "build" / "peers"
PROGRAMS = {"coap-client-oscore": "coap-client-gnutls", "coap-server-oscore": "coap-server-gnutls"}
SUITE = "trixie"
# The libraries below it are whatever the suite has: a mirror keeps only the newest of each.
PACKAGE = "libcoap3-bin=4.3.4-*"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
WRAPPER = '#!/bin/sh\nexec "{loader}" --library-path "{libraries}" "{program}" "$@"\n'


def output(command: list[str]) -> str:
    """Return what a command prints; end this program with it if it fails."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nfailed: {' '.join(command)}")
    return done.stdout


def has_oscore(program: str) -> bool:
    """Tell whether one of libcoap's programs, which say what they are, is there and has OSCORE."""
    if shutil.which(program) is None:
        return False
    said = subprocess.run([program, "-?"], capture_output=True, text=True, check=False)
    return "Have OSCORE" in said.stdout + said.stderr


def mirror() -> str:
    """Return where this machine has its Debian packages from."""
    if shutil.which("apt-get") is None:
        raise SystemExit("no apt-get here: put a libcoap that has OSCORE, with GnuTLS, on the PATH")
    wanted = ["Created-By: Packages", "Origin: Debian", "Label: Debian", "Component: main"]
    found = output(["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted]).split()
    if not found:
        raise SystemExit("apt knows no mirror of Debian: run apt-get update, if this is Debian")
    return found[0]


def apt_options(folder: Path) -> list[str]:
    """Return what keeps apt away from the machine's own state, with sources for the suite."""
    for made in ("state/lists/partial", "cache/archives/partial"):
        (folder / made).mkdir(parents=True)
    (folder / "status").touch()
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror()} {SUITE} main\n")
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Acquire::Languages": "none",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]


def fetch(folder: Path) -> None:
    """Download the package and all it needs, and unpack them into folder/root."""
    apt = folder / "apt"
    options = apt_options(apt)
    output(["apt-get", *options, "update"])
    output(["apt-get", *options, "install", "--yes", "--download-only", PACKAGE])
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        output(["dpkg-deb", "--extract", str(package), str(folder / "root")])
    shutil.rmtree(apt)


def wrapper(root: Path, program: str) -> str:
    """Return a script that runs an unpacked program with the libraries beside it."""
    libraries = next(root.glob("usr/lib/*-linux-gnu*"))
    loader = next(libraries.glob("ld-linux*.so.*"))
    return WRAPPER.format(loader=loader, libraries=libraries, program=root / "usr/bin" / program)


def install() -> None:
    """Make PEERS anew; its programs come last, so what was cut half-way is made again."""
    shutil.rmtree(PEERS, ignore_errors=True)
    programs = PEERS / "bin"
    programs.mkdir(parents=True)
    own = all(map(has_oscore, PROGRAMS.values()))
    if not own:
        fetch(PEERS)
    for name, program in PROGRAMS.items():
        if own:
            (programs / name).symlink_to(str(shutil.which(program)))
        else:
            (programs / name).write_text(wrapper(PEERS / "root", program))
            (programs / name).chmod(0o755)


def main() -> None:
    """Fetch what is not there."""
    programs = [str(PEERS / "bin" / name) for name in PROGRAMS]
    if not all(map(has_oscore, programs)):
        install()
        if not all(map(has_oscore, programs)):
            raise SystemExit(f"what was unpacked does not run here: {programs}")
    print("libcoap with OSCORE is in", os.path.relpath(PEERS))


if __name__ == "__main__":
    main()

"""Tests of tools/get-peers with an apt that has what is asked for, or not: nothing of them needs a network."""
import os
import shutil
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

# Speaks like the parts of apt that get-peers uses. $MIRROR: what "indextargets" prints. $REFUSES: a suite whose lists cannot be had.
# "install" puts a package for each name where apt would have downloaded it.
APT_GET = r"""#!/bin/sh
echo "$@" >>"$SAID"
cache= list= command= names=
while [ $# -gt 0 ]; do
	case $1 in
	-c) cache=$(sed -n 's/^ *Dir::Cache "\(.*\)";/\1/p' "$2"); list=$(sed -n 's/^ *Dir::Etc::sourcelist "\(.*\)";/\1/p' "$2"); shift ;;
	-o|-t|--format) shift ;;
	-*) ;;
	*) if [ -z "$command" ]; then command=$1; else names="$names $1"; fi ;;
	esac
	shift
done
case $command in
indextargets) printf '%s' "$MIRROR" ;;
update) if [ -n "$REFUSES" ] && grep -q " $REFUSES " "$list"; then echo "E: refused" >&2; exit 100; fi ;;
install)
	for name in $names; do
		tree=$(mktemp -d)
		mkdir -p "$tree/DEBIAN" "$tree/usr/bin"
		printf 'Package: %s\nVersion: 1:2-3\nArchitecture: all\nMaintainer: a test\nDescription: none\n' "$name" >"$tree/DEBIAN/control"
		echo content >"$tree/usr/bin/$name"
		dpkg-deb -b "$tree" "$cache/archives/${name}_1%3a2-3_all.deb" >/dev/null
		rm -rf "$tree"
	done ;;
esac
"""
APT_CACHE = "#!/bin/sh\necho xen-hypervisor-4.9-arm64\necho xen-hypervisor-4.17-arm64\necho xen-hypervisor-common\n"
MIRRORS = "bookworm http://mirror.example/debian/\nbookworm-security http://mirror.example/debian-security/\n"


@pytest.fixture(name="get_peers")
def _get_peers(tmp_path):
    """get_peers(**environment) runs a copy of the script with that apt; returns its exit status and what it said to the user."""
    for folder, name, text in (("bin", "apt-get", APT_GET), ("bin", "apt-cache", APT_CACHE)):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    (tmp_path / "tools").mkdir()
    shutil.copy(os.path.join(TOP, "tools", "get-peers"), tmp_path / "tools")

    def run(*arguments, **environment):
        done = subprocess.run([tmp_path / "tools" / "get-peers", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "SAID": str(tmp_path / "said"),
                                   "MIRROR": MIRRORS, "REFUSES": "", **environment})
        return done.returncode, done.stdout
    run.peers = tmp_path / "build" / "peers"
    run.said = tmp_path / "said"
    return run


def test_a_fresh_tree_gets_all_with_versions(get_peers):
    assert get_peers() == (0, "")
    assert (get_peers.peers / "qemu" / "version").read_text() == "qemu-system-arm 1:2-3\n"
    assert (get_peers.peers / "arm64" / "version").read_text() == "qemu-system-arm 1:2-3\nxen-hypervisor-4.17-arm64 1:2-3\n"
    assert (get_peers.peers / "arm64" / "usr" / "bin" / "xen-hypervisor-4.17-arm64").read_text() == "content\n"


def test_what_is_there_is_not_fetched_again_unless_asked(get_peers):
    get_peers()
    before = get_peers.said.read_text().count(" update")
    get_peers()
    assert get_peers.said.read_text().count(" update") == before
    get_peers("--renew")
    assert get_peers.said.read_text().count(" update") == 2 * before


def test_what_cannot_be_had_is_a_sentence_and_the_rest_is_fetched(get_peers):
    status, said = get_peers(REFUSES="bookworm-backports")
    assert status == 1 and said.count("\n") == 1 and "QEMU of bookworm-backports could not be fetched from http://mirror.example/debian/" in said
    assert not (get_peers.peers / "qemu").exists() and (get_peers.peers / "arm64" / "version").exists()
    assert get_peers() == (0, "") and (get_peers.peers / "qemu" / "version").exists()


def test_without_a_network_there_is_a_sentence_for_each(get_peers):
    status, said = get_peers(REFUSES="bookworm")
    assert status == 1 and [line.split(" could")[0] for line in said.splitlines()] == [
        "get-peers: QEMU of bookworm-backports", "get-peers: QEMU and Xen of bookworm for arm64"]


def test_an_apt_without_a_mirror_of_debian_is_a_sentence(get_peers):
    status, said = get_peers(MIRROR="")
    assert status == 1 and said == "get-peers: the machine's apt knows no mirror with Debian bookworm: no peers, and no QEMU for several CPUs\n"


def test_what_was_there_stays_when_a_newer_one_cannot_be_had(get_peers):
    get_peers()
    status, said = get_peers("--renew", REFUSES="bookworm")
    assert status == 1 and said.count("\n") == 2 and (get_peers.peers / "qemu" / "version").exists() and (get_peers.peers / "arm64" / "version").exists()

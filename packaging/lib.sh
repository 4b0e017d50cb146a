# SPDX-License-Identifier: ISC
# Shell functions of check, demo and .ci/run: packages, and steps that tell what
# they do. To be sourced by a POSIX shell with $top set to the top of the tree.
# Bare Debian is enough: dpkg, apt and the essential packages.

# shellcheck shell=sh disable=SC2154 # $top

# Whatever the caller's surroundings are.
if [ -n "$(locale -a 2>/dev/null | sed -n '/^C\.[Uu][Tt][Ff]-*8$/p')" ]
then
	LC_ALL=C.UTF-8
else
	LC_ALL=C
fi
export LC_ALL
unset CDPATH ENV BASH_ENV GREP_OPTIONS PYTHONHOME PYTHONPATH PYTEST_ADDOPTS
umask 022
# meson takes ccache where there is one, which fails without a place to write.
if [ -z "${CCACHE_DIR:-}" ] && ! [ -w "${HOME:-/nonexistent}" ]
then
	CCACHE_DISABLE=1
	export CCACHE_DISABLE
fi

# as_root COMMAND...: with sudo if need be, never with a question.
as_root() {
	if [ "$(id -u)" -eq 0 ]
	then
		"$@"
	else
		sudo -n "$@"
	fi
}

can_be_root() {
	[ "$(id -u)" -eq 0 ] ||
	    { command -v sudo && sudo -n true; } >/dev/null 2>&1
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive \
	    DEBCONF_NONINTERACTIVE_SEEN=true NEEDRESTART_MODE=l \
	    apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
	    -o Dpkg::Options::=--force-confold "$@" </dev/null
}

has_lists() {
	ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1
}

# is_installed PACKAGE
is_installed() {
	case "$(dpkg-query -W -f='${db:Status-Status} ' "$1" 2>/dev/null)" in
	installed*) return 0 ;;
	esac
	return 1
}

# packages_of GROUP...: their lines, one name a line.
packages_of() {
	for group
	do
		awk -v group="$group" '$1 == group {
			for (i = 2; i <= NF; i++)
				print $i
		}' "$top/packaging/packages"
	done
}

# missing_of GROUP...: what is not installed.
missing_of() {
	for name in $(packages_of "$@")
	do
		case "$name" in
		@*)	apt-cache depends "${name#@}" 2>/dev/null |
			    sed -n 's/^  Depends: \(lib[^ <>]*\)$/\1/p' ;;
		*)	echo "$name" ;;
		esac
	done | while read -r name
	do
		is_installed "$name" || echo "$name"
	done
}

# install_packages GROUP...: only what is missing; removes nothing.
install_packages() {
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null
	then
		command -v meson && command -v ninja && return 0
		echo "This is no Debian. Install what Debian calls:"
		packages_of "$@" | tr '\n' ' '
		return 1
	fi
	if ! has_lists && can_be_root
	then
		apt update || true
	fi
	missing=$(missing_of "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	if ! can_be_root
	then
		advise "as root, first: apt-get install --no-install-recommends $missing"
		return 1
	fi
	# shellcheck disable=SC2086 # a list
	apt install --no-install-recommends --no-remove $missing && return 0
	# Lists that are too old name files that are gone.
	# shellcheck disable=SC2086
	apt update && apt install --no-install-recommends --no-remove $missing &&
	    return 0
	advise "apt-get could not install what is missing (no network?). Then run this again:
apt-get update && apt-get install --no-install-recommends $missing"
	return 1
}

# advise TEXT: the last word of a step that fails, in place of its log.
advise() {
	printf 'ADVICE: %s\n' "$1"
}

# show_head FILE: what stands at the top of a script, for --help.
show_head() {
	sed -n '3,/^[^#]/s/^#[ ]\{0,1\}//p' "$1"
}

# step LOG WHAT COMMAND...: one line with result and seconds; what the command
# says goes into LOG and is shown if it fails.
step() {
	step_log=$1
	step_what=$2
	shift 2
	step_begin "$step_what"
	if "$@" >"$step_log" 2>&1 </dev/null
	then
		step_end ok
		return 0
	fi
	step_end FAILED
	if grep -q '^ADVICE: ' "$step_log"
	then
		echo "    (all of it: $step_log)"
		sed -n '/^ADVICE: /,$s/^\(ADVICE: \)\{0,1\}/    /p' "$step_log"
		return 1
	fi
	tail -n 40 "$step_log" | sed 's/^/    /'
	echo "    (all of it: $step_log)"
	return 1
}

step_begin() {
	step_start=$(date +%s)
	printf '%-28s ' "$1"
}

step_end() {
	printf '%s, %d s\n' "$1" $(($(date +%s) - step_start))
}

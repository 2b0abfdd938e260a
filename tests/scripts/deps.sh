#!/bin/sh
# tools/deps with everything in place does nothing; with everything missing it installs the right
# packages through apt-get, fails when apt-get fails, and elsewhere says what to type.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LOG="$dir/log"

fail() { echo "tools/deps: $*"; cat "$LOG" "$dir/out"; exit 1; }

# A folder of programs is all the machine there is: the basics, and managers that write down their
# arguments. There is no compiler, so every header is missing.
for program in sh cat sort tr printf env; do
    ln -s "$(command -v $program)" "$dir/$program" 2>/dev/null || true
done
manager() { # name, exit status
    printf '#!/bin/sh\necho "%s $*" >>"$LOG"\nexit %s\n' "$1" "$2" >"$dir/$1"
    chmod +x "$dir/$1"
}
printf '#!/bin/sh\necho "$USER_ID"\n' >"$dir/id"
printf '#!/bin/sh\nexec "$@"\n' >"$dir/sudo"
chmod +x "$dir/id" "$dir/sudo"

deps() { # user id, set: the exit status in $status, what was called in $LOG
    : >"$LOG"
    status=0
    PATH=$dir USER_ID=$1 "$dir/sh" tools/deps "$2" >"$dir/out" 2>&1 </dev/null || status=$?
}

manager apt-get 0
for user in 0 1000; do
    deps $user run
    [ $status = 0 ] || fail "user $user: exit $status"
    [ "$(sed -n 1p "$LOG" | tr ' ' '\n' | grep -c '^update$')" = 1 ] || fail 'no update first'
    for package in gcc libblis-openmp-dev zlib1g-dev libcairo2-dev; do
        sed -n 2p "$LOG" | grep -q " $package " || fail "$package is not installed"
    done
    sed -n 2p "$LOG" | grep -q -- '-y --no-install-recommends' || fail 'it would ask'
    ! grep -q criterion "$LOG" || fail 'run installs what only tests need'
    [ "$(wc -l <"$dir/out")" = 1 ] || fail 'more than one line'
done
deps 0 test && grep -q libcriterion-dev "$LOG" || fail 'test lacks libcriterion-dev'
deps 0 dev && grep -q 'clang-format.*libcriterion-dev' "$LOG" || fail 'dev is not complete'
deps 0 bench
for package in gcc libblis-openmp-dev g++ python3-venv python3-dev; do
    sed -n 2p "$LOG" | grep -q " $package " || fail "bench lacks $package"
done
! grep -q 'criterion\|clang' "$LOG" || fail 'bench installs what only tests or lint need'
deps 0 test && ! grep -q python3 "$LOG" || fail 'test installs what only bench needs'
deps 0 nonsense
[ $status = 2 ] || fail 'nonsense is accepted'
rm "$dir/sudo"
deps 1000 run
[ $status = 1 ] && [ ! -s "$LOG" ] && grep -q 'install with: sudo apt-get install' "$dir/out" ||
    fail 'without root and sudo it must say what to type'
manager apt-get 100
deps 0 run
[ $status != 0 ] && [ "$(wc -l <"$LOG")" = 1 ] || fail 'a failing apt-get is hidden'

rm "$dir/apt-get"
manager dnf 0
deps 0 test
[ $status = 1 ] && [ ! -s "$LOG" ] && grep -q 'dnf install .*blis-devel' "$dir/out" ||
    fail 'dnf: it must say what to type and stop'

# Here, where these tests have been built, nothing is missing.
mkdir "$dir/first"
mv "$dir/dnf" "$dir/first/apt-get"
: >"$LOG"
PATH=$dir/first:$PATH tools/deps test >"$dir/out" 2>&1 || fail 'something is missing here'
[ ! -s "$LOG" ] && [ ! -s "$dir/out" ] || fail 'nothing is missing, yet it does something'

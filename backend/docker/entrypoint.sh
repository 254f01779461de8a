#!/bin/sh
# Run a command as who owns the storage folder, never as root.
#
# A folder that is mounted belongs to whoever made it; to root, where Docker did. So where it is root who starts
# us, what is root's is handed to appuser, and the owner of the storage does the work.
set -eu

if [ "$(id -u)" = 0 ]; then
    owner=$(stat -c %u /app/storage)
    group=$(stat -c %g /app/storage)
    if [ "$owner" = 0 ]; then
        owner=$(id -u appuser)
        group=$(id -g appuser)
    fi
    for folder in /app/storage /app/logs; do
        # Two levels show what somebody else copied in, and are quickly read however many avatars there are.
        # What can't be handed over, on a share, may be writable all the same: the service will see.
        stranger=$(find "$folder" -maxdepth 2 ! -uid "$owner" -print -quit 2>/dev/null) || true
        if [ -n "$stranger" ]; then
            chown -Rh "$owner:$group" "$folder" 2>/dev/null || true
        fi
    done
    exec setpriv --reuid="$owner" --regid="$group" --clear-groups --inh-caps=-all --no-new-privs "$@"
fi

exec "$@"

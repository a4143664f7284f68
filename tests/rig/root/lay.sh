#!/bin/bash
# Turns a plain Debian root into the machine's: Python environment, few modules, initrd, kernel, units.
# usage: lay.sh ROOT OUT REQUIREMENTS-DEV    as root, in a mount namespace of its own
set -euo pipefail
root=$1 out=$2 locked=$3 here=$(dirname "$(readlink -f "$0")")
say() { echo "    $*"; }
words() { grep -v '^#' "$1"; }
in_root() { chroot "$root" "$@"; }

mount -t proc p "$root/proc"; mount --bind /dev "$root/dev"

say "Python packages"
# for the time of the build: this machine's name server and certificates, since it may sit behind its own
cp "$root/etc/ssl/certs/ca-certificates.crt" "$root/tmp/certificates"
cat /etc/ssl/certs/ca-certificates.crt > "$root/etc/ssl/certs/ca-certificates.crt"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$locked" "$root/tmp/locked.txt"; cp "$here/requirements.txt" "$root/tmp/drivers.txt"
sed 's/ *\\$//; /^ *--hash/d' "$locked" > "$root/tmp/constraints.txt"
# PYPI=1 links lgpio's C library into its module
in_root python3 -m venv --system-site-packages /opt/venv
env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
  PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYPI=1 \
  chroot "$root" bash -euc 'PATH=/opt/venv/bin:$PATH
    pip install -q --require-hashes --only-binary :all: -r /tmp/locked.txt
    pip install -q --no-binary lgpio --prefer-binary -c /tmp/constraints.txt -r /tmp/drivers.txt
    python -c "import lgpio; assert hasattr(lgpio, \"gpiochip_open\"), \"an empty lgpio\""'
cp "$here/pykms.py" "$root"/opt/venv/lib/python3.*/site-packages/

say "kernel and its modules"
kernel=$(basename "$(ls -d "$root"/usr/lib/modules/*)")
needs() { in_root modprobe -S "$kernel" -a --show-depends "$@" 2>/dev/null | awk '$1 == "insmod" {print $2}'; }
keep=$root/tmp/keep; mkdir "$keep"
for module in $(words "$here/modules.txt"); do needs "$module" || echo "rig: this kernel has no module $module" >&2; done | sort -u |
  while read -r path; do
    name=${path#*/modules/"$kernel"/}; mkdir -p "$keep/$(dirname "$name")"; cp "$root/$path" "$keep/$name"
    case $name in *.xz) xz -d "$keep/$name";; esac   # quicker to load where the processor is emulated
  done
# their signatures go too: a boot is a second shorter where none is verified
in_root find /tmp/keep -name '*.ko' -exec strip --strip-debug {} +
rm -rf "$root/usr/lib/modules/$kernel/kernel"; mv "$keep/kernel" "$root/usr/lib/modules/$kernel/kernel"
in_root depmod "$kernel"
python3 "$here/unpack_kernel.py" "$root/boot/vmlinuz-$kernel" "$out/vmlinux"

say "initrd"
initrd=$(mktemp -d); mkdir -p "$initrd"/{dev,proc,sys,new,bin,modules}
cp "$root/usr/bin/busybox" "$initrd/bin/"; install -m 755 "$here/initrd-init" "$initrd/init"
for module in virtio_pci virtio_blk ext4; do needs $module || true; done | awk '!seen[$0]++' |
  while read -r path; do cp "$root/$path" "$initrd/modules/"; basename "$path" >> "$initrd/modules/order"; done
(cd "$initrd" && find . | cpio -o -H newc --quiet) > "$out/initrd"
rm -rf "$initrd" "${root:?}"/boot/*

say "units"
install -m 755 "$here/rig-start" "$root/usr/local/sbin/rig-start"
units=$root/etc/systemd/system; install -m 644 "$here/rig-start.service" "$units/"
mkdir -p "$units/multi-user.target.wants" "$root/var/log/journal"
ln -sf ../rig-start.service "$units/multi-user.target.wants/"
ln -sf /usr/lib/systemd/system/multi-user.target "$units/default.target"
for unit in $(words "$here/masked.txt"); do ln -sf /dev/null "$units/$unit"; done
echo rig > "$root/etc/hostname"; echo "127.0.0.1 localhost rig" > "$root/etc/hosts"; : > "$root/etc/fstab"
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"

say "tidying up"
in_root /opt/venv/bin/pip freeze > "$out/versions.txt"; in_root dpkg-query -W >> "$out/versions.txt"
in_root env DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq --autoremove \
  gcc swig libc6-dev python3-dev libcap-dev linux-libc-dev initramfs-tools-core > "$out/purge.log" 2>&1
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/tmp/keep "$root"/tmp/*.txt "$root/etc/resolv.conf"
cat "$root/tmp/certificates" > "$root/etc/ssl/certs/ca-certificates.crt"; rm "$root/tmp/certificates"
umount "$root/proc" "$root/dev"

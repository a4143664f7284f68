"""Takes the plain ELF kernel out of a compressed one: QEMU boots it at once (PVH), an emulated processor needs seconds.

usage: unpack_kernel.py VMLINUZ VMLINUX
"""

import shutil
import subprocess
import sys
from pathlib import Path

PACKERS = {b"\x28\xb5\x2f\xfd": ["zstd", "-dcq"], b"\xfd7zXZ\0": ["xz", "-dcq"], b"\x1f\x8b\x08": ["gzip", "-dcq"]}


def main(packed: Path, plain: Path) -> None:
    data = packed.read_bytes()
    for magic, command in PACKERS.items():
        at = data.find(magic)
        while at >= 0 and shutil.which(command[0]):
            # what follows the packed kernel is no error, so the packer's status says nothing
            kernel = subprocess.run(command, input=data[at:], capture_output=True, check=False).stdout
            if kernel.startswith(b"\x7fELF"):
                plain.write_bytes(kernel)
                return
            at = data.find(magic, at + 1)
    sys.exit(f"rig: no kernel found in {packed}: packed in a way that unpack_kernel.py does not know")


main(Path(sys.argv[1]), Path(sys.argv[2]))

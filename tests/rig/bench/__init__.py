"""The bench inside the rig: hw/sim's verbs and journal, while the booth uses the kernel's simulated devices.

    python -m tests.rig.bench --socket PATH --pictures DIR --out DIR [--seed N]     # as root, in the machine
    async with hw.sim.bench.open_bench(PATH) as sim: ...                            # the same verbs as everywhere

The simulators of hw/sim are the machines behind the wires; here their electrical sides end in the kernel:

| simulator | kernel | what the booth's driver opens |
| --- | --- | --- |
| SimCoins: edges, enable line | gpio-sim, driven by a real-time process of its own | gpiod, gpiozero + lgpio |
| lamps read back | gpio-sim | gpiozero + lgpio |
| SimPen: samples | uinput | evdev |
| SimPrinter: bytes | a printer gadget on dummy_hcd | python-escpos, libusb |
| test pictures | vivid | V4L2 |

`wiring.DEVICES` is the configuration that opens all of them. A booth is there while the coin line is requested.
"""

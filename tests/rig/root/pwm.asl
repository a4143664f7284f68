// A PWM chip of four channels, which no emulated board has: the kernel finds it by this table of the firmware and drives it
// as it drives an Intel chip's (pwm-lpss, Broxton). Behind its registers is nothing: writes vanish, reads give 0, which is
// all that the driver asks for. So /sys/class/pwm has the kernel's own rules, and no lamp.
DefinitionBlock ("", "SSDT", 2, "EPHOTO", "PWM", 1)
{
    Scope (\_SB)
    {
        Device (PWM0)
        {
            Name (_HID, "80865AC8")
            Name (_UID, Zero)
            Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadWrite, 0xFED90000, 0x2000) })
        }
    }
}

"""`python -m hw.sim`: a simulated cabin as a process of its own."""

from hw.sim.process import main

main()

"""The cabin simulated, driven like a bench: the real drivers run over ports that can fail as the real ones do.

In the test's process, on the test's clock (no threads, no executors, no sockets; works on tests/virtual.py):

    sim = SimCabin(random.Random(seed), pictures=[path_or_array, ...])      # hw.sim.cabin; inside a running loop
    cabin = sim.cabin                                                       # hw.cabin.Cabin for the daemon
    sim.kill(); cabin = sim.connect()     # the daemon died: acceptor and lamps fall off, edges nobody heard vanish,
                                          # accepted print bytes go on, paper stays; then fresh drivers

As a process of its own, in real time:

    python -m hw.sim --socket PATH --pictures DIR --out DIR [--seed N] [--no-panel]   # OUT/paper-1.png, .escpos
    async with remote.open_cabin(PATH) as cabin: ...     # the daemon's side; reconnects by itself
    async with bench.open_bench(PATH) as sim: ...        # the bench's side: same verbs, same journal

Bench verbs are all awaited and are the same on both (`sim` is a SimCabin or a Bench); time is the loop's:

    sim.camera.show(picture) .play(pictures, each_s=None)   # None: the next picture after every still
              .missing() .freeze() .die() .late(by_s) .wrong_size() .recover()
    sim.coins.insert(cents, fault=None) -> Inserted      # faults: hw.sim.coins.FAULTS; back when its signal is over
             .spike() .stick() .release() .unplug() .replug()
             .record() -> CoinRecord                     # swallowed_cents, returned_cents, coins
    sim.pen.tap(x_mm, y_mm) .draw(strokes, broken=None) .sign(x_mm, y_mm, width_mm, height_mm)
           .unplug() .replug()                           # strokes: [[(x_mm, y_mm, t_s, pressure), ...], ...]
    sim.printer.paper_out(after_rows=0) .paper_low() .reload() .jam(after_rows=0) .unplug(after_bytes=0) .replug()
               .cover_open(after_rows=0) .cover_close() .silent(prints=True, after_rows=0) .garbage_status() .repair()
               .papers(first=0) -> list[Sheet]           # png, escpos, whole, rows; in order, -1: the last
    sim.lights.fail() .unplug() .repair() .levels() -> dict[lamp, 0..1]
    sim.panel.picture() -> PNG bytes of the current screen .unplug() .replug()

What happened, in order, so that scripts await events and never sleep (`what` and its data: hw.sim.journal):

    await sim.wait_view("pay", timeout_s=10) -> Entry               # the next view whose step is one of those named
    await sim.wait("coins.enabled", timeout_s=10, **data) -> Entry
    sim.journal.entries                                 # Entry(n, at_s, what, data)

Each kind of `wait` goes on from where the last wait for that kind ended, so nothing is missed and nothing seen twice.
"""

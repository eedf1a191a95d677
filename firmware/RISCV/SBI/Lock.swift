import RISCV

// Waiting for other harts. A hart that waits sleeps (wfi) until it is sent a machine software interrupt, and answers
// remote fences meanwhile, so no two harts wait for each other. Sleeping, not spinning, leaves the machine to the hart
// that is waited for, which matters where harts take turns on one host thread.

/// A lock, and the harts that wait for it.
struct Lock {
    var taken: UInt32 = 0
    var waiters: UInt32 = 0
}

func lock(_ lock: UnsafeMutablePointer<Lock>) {
    // SAFETY: locks are globals; each word is only ever touched atomically.
    let word = UnsafeMutableRawPointer(lock).assumingMemoryBound(to: UInt32.self)
    if atomic_exchange_word(word, 1) == 0 { return }
    let hart = Hart.current
    waitForEvents(hart) {
        // Enlisted first: whoever unlocks after this look at the word will send an interrupt.
        _ = atomic_or_word(word + 1, 1 << UInt32(hart.identifier))
        return atomic_exchange_word(word, 1) == 0
    }
}

func unlock(_ lock: UnsafeMutablePointer<Lock>) {
    let word = UnsafeMutableRawPointer(lock).assumingMemoryBound(to: UInt32.self)
    atomic_store_word(word, 0)
    fence_memory()
    // Looked at before it is exchanged: most often nobody waits.
    if atomic_load_word(word + 1) == 0 { return }
    let waiters = atomic_exchange_word(word + 1, 0)
    for identifier in 0..<UInt64(HART_LIMIT) where waiters >> UInt32(identifier) & 1 != 0 {
        Hart(identifier)?.raise(HartEvents())
    }
}

/// Sleeps until `isDone`, which is asked again after each interrupt that another hart sends.
func waitForEvents(_ hart: Hart, until isDone: () -> Bool) {
    // Only machine software interrupts shall end the sleep; this hart's own interrupts wait.
    let enabled = csr_read_mie()
    csr_write_mie(Interrupt.machineSoftware)
    while !isDone() {
        wait_for_interrupt()
        handleEvents(hart)
    }
    csr_write_mie(enabled)
}

extension Command {
    /// `thread`: what is scheduled.
    static var thread: Command {
        Command(
            "thread", group: "Host", "threads of the hypervisor, and VCPUs",
            [
                Form("list", "each thread, its state, and for how long it has run") { _, output in
                    var table = Table("NAME|>CPU|CPUS|>PRIORITY|>SLICE|>RATE|STATE|>RAN FOR")
                    for thread in Scheduler.threads {
                        table.add([
                            thread.pointee.name, "\(thread.pointee.cpu.pointee.index)",
                            CPUMask(bits: thread.pointee.affinity).text, "\(thread.pointee.priority)",
                            slice(thread), rate(thread), thread.pointee.stateName,
                            "\(Timers.nanoseconds(Scheduler.runTime(of: thread)) / 1000) us",
                        ])
                    }
                    output.write(table)
                }
            ] + settings(of: "THREAD", find),
            values: { $0 == "THREAD" ? Scheduler.threads.map { $0.pointee.name } : [] })
    }

    /// The forms that change how a thread is scheduled, or a VCPU, which is a thread.
    /// - Parameters:
    ///   - value: what usages call it.
    ///   - find: the thread of that name.
    static func settings(
        of value: Text, _ find: @escaping (Text) throws(HyperError) -> ThreadReference
    ) -> [Form] {
        [
            Form("affinity \(value) CPUS", "where it may run: all, or as in 0,2-3") { arguments, _ throws(HyperError) in
                Scheduler.setAffinity(try find(arguments[0]), try CPUMask(arguments[1]).bits)
            },
            Form("priority \(value) NUMBER", "what it runs before: 1 to 7, the most important last") {
                arguments, _ throws(HyperError) in
                Scheduler.setPriority(try find(arguments[0]), try priority(arguments[1]))
            },
            Form("slice \(value) MICROSECONDS", "its turn among those of its priority: 0 until it waits") {
                arguments, _ throws(HyperError) in
                let time = try number(arguments[1], limit: 1_000_000_000)
                Scheduler.setSlice(try find(arguments[0]), nanoseconds: time == 0 ? nil : time * 1000)
            },
            Form("rate \(value) BUDGET PERIOD", "microseconds that it may run of so many; 0 0 for all of them") {
                arguments, _ throws(HyperError) in
                Scheduler.setRateLimit(try find(arguments[0]), try rateLimit(arguments[1], arguments[2]))
            },
        ]
    }

    private static func find(_ name: Text) throws(HyperError) -> ThreadReference {
        guard let thread = Scheduler.threads.first(where: { $0.pointee.name == name }) else {
            throw HyperError("there is no thread \(name); `thread list` shows those that there are")
        }
        return thread
    }

    static func slice(_ thread: ThreadReference) -> Text {
        thread.pointee.slice == .max ? "none" : "\(Timers.nanoseconds(thread.pointee.slice) / 1000) us"
    }

    static func rate(_ thread: ThreadReference) -> Text {
        guard let limit = thread.pointee.rateLimit else { return "all" }
        return "\(Timers.nanoseconds(limit.budget) / 1000)/\(Timers.nanoseconds(limit.period) / 1000) us"
    }

    static func priority(_ text: Text) throws(HyperError) -> Int {
        guard let number = text.number, 1...7 ~= number else {
            throw HyperError("\(text) is no priority: there are 1 to 7, and 7 is the most important")
        }
        return Int(number)
    }

    static func number(_ text: Text, limit: UInt64) throws(HyperError) -> UInt64 {
        let number = try number(text)
        guard number <= limit else { throw HyperError("\(text) is too much: at most \(limit)") }
        return number
    }

    static func rateLimit(
        _ budget: Text, _ period: Text
    ) throws(HyperError) -> (budget: UInt64, period: UInt64)? {
        let budget = try number(budget, limit: 1_000_000_000)
        let period = try number(period, limit: 1_000_000_000)
        if budget == 0, period == 0 { return nil }
        guard budget > 0, budget <= period else {
            throw HyperError("\(budget) of \(period) microseconds is no rate: the first is the part of the second")
        }
        return (budget * 1000, period * 1000)
    }
}

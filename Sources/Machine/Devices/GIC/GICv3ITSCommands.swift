/// A command of an ITS: four double words (IHI 0069H, section 5.3).
struct GICv3ITSCommand {
    enum Operation: UInt64 {
        case movi = 0x01
        case int = 0x03
        case clear = 0x04
        case sync = 0x05
        case mapd = 0x08
        case mapc = 0x09
        case mapti = 0x0a
        case mapi = 0x0b
        case inv = 0x0c
        case invall = 0x0d
        case movall = 0x0e
        case discard = 0x0f
    }

    static let size: UInt64 = 32

    let words: (UInt64, UInt64, UInt64, UInt64)

    var operation: Operation? { Operation(rawValue: words.0 & 0xff) }
    var device: UInt64 { words.0 >> 32 }
    var event: UInt64 { words.1 & 0xffff_ffff }
    /// MAPTI.
    var intid: UInt32 { UInt32(words.1 >> 32) }
    /// MAPD: bits of an EventID, less one.
    var eventBits: UInt64 { words.1 & 0x1f }
    var collection: UInt64 { words.2 & 0xffff }
    /// RDbase: the CPU's number, since GITS_TYPER.PTA is 0.
    var target: Int { Int(words.2 >> 16 & 0xffff) }
    /// MOVALL's second RDbase.
    var otherTarget: Int { Int(words.3 >> 16 & 0xffff) }
    /// MAPD, MAPC: whether there is a mapping from now on.
    var isValid: Bool { words.2 >> 63 != 0 }
    /// MAPD: the table of events.
    var table: UInt64 { words.2 }
}

extension GICv3ITS {
    /// Carries a command out. One that names what is not there, or is not known, is passed over: an error that the
    /// manual lets an ITS ignore. The CPUs whose LPIs it may have changed are noted in ``touched``.
    func execute(_ command: GICv3ITSCommand) {
        switch command.operation {
        case .mapd:
            guard command.isValid else { return tables.setDevice(command.device, nil) }
            guard command.eventBits < GICv3ITSTables.idBits else { return }
            tables.setDevice(command.device, .init(table: command.table, eventBits: command.eventBits))
        case .mapc:
            let isTarget = redistributors.indices.contains(command.target)
            if !command.isValid || isTarget {
                tables.setTarget(command.collection, command.isValid ? command.target : nil)
            }
        case .mapti: map(command, intid: command.intid)
        case .mapi: map(command, intid: UInt32(command.event))
        case .movi: move(command)
        case .discard:
            setPending(command, false)
            tables.setEvent(command.device, command.event, nil)
        case .int: setPending(command, true)
        case .clear: setPending(command, false)
        case .inv:
            guard let event = tables.event(command.device, command.event) else { return }
            configurationChanged(event.collection)
        case .invall: configurationChanged(command.collection)
        case .movall:
            let (from, to) = (command.target, command.otherTarget)
            guard from != to, redistributors.indices.contains(from), redistributors.indices.contains(to) else { return }
            redistributors[from].lpis.movePending(to: &redistributors[to].lpis)
            touched |= 1 << UInt64(from) | 1 << UInt64(to)
        case .sync, nil: break  // nothing is under way
        }
    }

    private func map(_ command: GICv3ITSCommand, intid: UInt32) {
        guard intid >= GICv3LPIs.first, UInt64(intid) >> GICv3LPIs.idBits == 0 else { return }
        tables.setEvent(command.device, command.event, .init(intid: intid, collection: command.collection))
    }

    /// MOVI: the event goes to another collection, and so does what is pending of it.
    private func move(_ command: GICv3ITSCommand) {
        guard let event = tables.event(command.device, command.event) else { return }
        tables.setEvent(command.device, command.event, .init(intid: event.intid, collection: command.collection))
        guard let from = redistributor(event.collection), let to = redistributor(command.collection), from !== to,
            from.lpis.isPending(event.intid)
        else { return }
        from.lpis.setPending(event.intid, false)
        to.lpis.setPending(event.intid, true)
    }

    private func setPending(_ command: GICv3ITSCommand, _ isPending: Bool) {
        guard let event = tables.event(command.device, command.event) else { return }
        redistributor(event.collection)?.lpis.setPending(event.intid, isPending)
    }

    private func configurationChanged(_ collection: UInt64) {
        redistributor(collection)?.lpis.configurationChanged()
    }
}

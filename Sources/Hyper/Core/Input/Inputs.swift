/// An input device that a guest has.
public protocol VirtualInput: AnyObject {
    var name: Text { get }
    /// The guest's name.
    var guest: Text { get }
    var kind: InputKind { get }
    /// Takes events that belong together. Called with a lock held, on any CPU.
    func take(_ events: [InputEvent])
}

/// An input device of the host's hardware.
public protocol HostInput: AnyObject {
    /// What it calls itself.
    var name: Text { get }
    var kind: InputKind { get }
    var place: Text { get }
    /// Why it does not work any more; nil while it does.
    var failure: Text? { get }
    /// Events that it has had.
    var events: UInt64 { get }
}

/// Who gets what a person does: one guest at a time, the one that has the focus.
public enum Inputs {
    /// Keys that can be held at once, as far as anybody notes.
    private static let heldLimit = 32

    private static let lock = SpinLock()
    // SAFETY: guarded by `lock`.
    nonisolated(unsafe) private static var virtualInputs: [any VirtualInput] = []
    nonisolated(unsafe) private static var hostInputs: [any HostInput] = []
    nonisolated(unsafe) private static var focused: Text?
    /// Keys and buttons that the focused guest was told are held.
    nonisolated(unsafe) private static var held: [(kind: InputKind, code: UInt16)] = []

    public static var virtual: [any VirtualInput] { lock.withLock { virtualInputs } }
    public static var host: [any HostInput] { lock.withLock { hostInputs } }
    /// The guest that has the focus.
    public static var focus: Text? { lock.withLock { focused } }

    public static func add(_ input: any HostInput) { lock.withLock { hostInputs.append(input) } }
    public static func remove(_ input: any HostInput) { lock.withLock { hostInputs.removeAll { $0 === input } } }

    /// The first guest that has an input device has the focus until somebody gives it to another one.
    public static func add(_ input: any VirtualInput) {
        lock.withLock {
            virtualInputs.append(input)
            if focused == nil { focused = input.guest }
        }
    }

    /// Once this returns nothing is on its way to it.
    public static func remove(_ input: any VirtualInput) {
        lock.withLock {
            virtualInputs.removeAll { $0 === input }
            if !virtualInputs.contains(where: { $0.guest == input.guest }), focused == input.guest {
                focused = nil
                held = []
            }
        }
    }

    /// Gives the guest the focus. The one that had it is told that its keys were let go.
    public static func setFocus(_ guest: Text) throws(HyperError) {
        let isThere = lock.withLock {
            guard virtualInputs.contains(where: { $0.guest == guest }) else { return false }
            for key in held { give([InputEvent(InputEvent.Kind.key, key.code, 0), .end], key.kind) }
            held = []
            focused = guest
            return true
        }
        guard isThere else {
            throw HyperError("guest \(guest) has no input device: give it one in its tree, a VirtIO device of type 18")
        }
    }

    /// What a person has done with a device of the kind, up to the event that ends it. Called with interrupts off, too.
    public static func deliver(_ events: [InputEvent], from kind: InputKind) {
        lock.withLock {
            for event in events where event.type == InputEvent.Kind.key { note(event, kind) }
            give(events, kind)
        }
    }

    private static func note(_ event: InputEvent, _ kind: InputKind) {
        held.removeAll { $0.code == event.code && $0.kind == kind }
        if event.value != 0, held.count < heldLimit { held.append((kind, event.code)) }
    }

    private static func give(_ events: [InputEvent], _ kind: InputKind) {
        guard let focused else { return }
        for input in virtualInputs where input.guest == focused && input.kind == kind { input.take(events) }
    }

    /// Types a text at the focused guest's keyboard.
    public static func type(_ text: Text) throws(HyperError) {
        for character in text.bytes {
            guard let key = KeyCode.key(of: character) else {
                throw HyperError("no key prints the character \(hex: UInt64(character))")
            }
            let shift = InputEvent(InputEvent.Kind.key, KeyCode.leftShift, 1)
            if key.isShifted { deliver([shift, .end], from: .keyboard) }
            for value in [1, 0] as [UInt32] {
                deliver([InputEvent(InputEvent.Kind.key, key.code, value), .end], from: .keyboard)
            }
            if key.isShifted {
                deliver([InputEvent(InputEvent.Kind.key, KeyCode.leftShift, 0), .end], from: .keyboard)
            }
        }
    }
}

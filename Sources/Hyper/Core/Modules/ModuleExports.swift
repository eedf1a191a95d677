import HyperModule

/// What modules find in Hyper.
enum ModuleExports {
    static var interface: UInt64 { hyper_interface() }

    static func address(of name: Text) -> UInt64? {
        var index = 0
        while true {
            let export = hyper_export(index)
            guard export.address != 0 else { return nil }
            let bytes = UnsafeBufferPointer(start: export.name.bytes, count: export.name.count)
            if bytes.elementsEqual(name.bytes) { return export.address }
            index += 1
        }
    }
}

extension Text {
    /// A copy of what a module gives.
    init(_ text: hyper_text) {
        // SAFETY: a module's word: it runs with all rights.
        self.init(Array(UnsafeBufferPointer(start: text.bytes, count: text.count)))
    }
}

/// The reason that a call between Hyper and a module takes along, for whoever fails.
enum ModuleError {
    /// Throws what the call's failure gave as the reason.
    static func check(_ call: (OpaquePointer) -> Bool) throws(HyperError) {
        var reason: Text = "it failed, and did not say why"
        // SAFETY: the reason is only written to during the call.
        let isDone = withUnsafeMutablePointer(to: &reason) { call(OpaquePointer($0)) }
        guard isDone else { throw HyperError(reason) }
    }

    /// Does what may fail for a module; whether it did not.
    static func catching(_ error: OpaquePointer?, _ body: () throws(HyperError) -> Void) -> Bool {
        do throws(HyperError) {
            try body()
            return true
        } catch let failure {
            set(error, failure.message)
            return false
        }
    }

    static func set(_ error: OpaquePointer?, _ reason: Text) {
        // SAFETY: every error that a module can have is from `check`.
        error.map { UnsafeMutablePointer<Text>($0).pointee = reason }
    }
}

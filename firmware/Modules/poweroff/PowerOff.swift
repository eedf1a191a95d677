import HyperModule
import power

@c(module_start)
public func start(_ error: OpaquePointer?) -> Bool {
    var form = hyper_form(
        usage: hyper_text("[STATUS]"), summary: hyper_text("with the status of a success, or a failure of 1 to 65535")
    ) { arguments, count, _, error in
        var status: UInt64 = 0
        if count > 0, let argument = arguments {
            guard let number = argument.pointee.number, number <= 65535 else {
                return hyper_fail(error, hyper_text("the status is no number from 0 to 65535"))
            }
            status = number
        }
        if power_off(UInt32(status)) { return true }
        return hyper_fail(error, hyper_text("no device ends this machine: `shutdown` asks the firmware"))
    }
    return withUnsafePointer(to: &form) { form in
        var command = hyper_command(
            name: hyper_text("poweroff"), group: hyper_text("Host"), summary: hyper_text("power the machine off"),
            forms: form, form_count: 1)
        return hyper_add_command(&command, error)
    }
}

@c(module_stop)
public func stop() {}

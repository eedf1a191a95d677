@preconcurrency import Glibc

/// A program of the host that is run to its end, with what it prints kept and its processor time measured.
public struct HostProcess: Sendable {
    public var executable: String
    public var arguments: [String]
    /// After as many seconds it is killed.
    public var limit: Double
    /// When it has printed these bytes to standard output it is killed.
    public var until: [UInt8]?
    /// What is kept of each stream; more is read and dropped, so that a program that prints without end costs no memory.
    public static let kept = 4 << 20

    public init(_ executable: String, _ arguments: [String], limit: Double) {
        self.executable = executable
        self.arguments = arguments
        self.limit = limit
    }

    public enum End: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        /// It was killed when its time was up.
        case outOfTime
    }

    /// A program that has ended.
    public struct Ended: Sendable {
        public var end: End
        public var output: [UInt8] = []
        public var errors: [UInt8] = []
        /// Of the processor, user and system, in seconds.
        public var processorTime = 0.0
        /// Of the clock on the wall.
        public var wallTime = 0.0
        /// Of the clock on the wall, from its start until it had printed ``HostProcess/until``; nil when it never did.
        public var timeUntil: Double?
        /// The most memory that it had at one time, in bytes. Linux counts it from before the program's own start, so it
        /// is never less than what the process that started it had.
        public var peakMemory: UInt64 = 0
    }

    /// Runs it alone.
    public func run() throws(InputError) -> Ended {
        let running = try Running(self)
        while !running.isAtEnd { Running.wait([running]) }
        return running.finish()
    }

    /// Runs `processes`, `atOnce` of them at a time, and gives each to `ended` when it has ended, by its place.
    public static func run(
        _ processes: [HostProcess], atOnce: Int, ended: (Int, Ended) -> Void
    ) throws(InputError) {
        var next = 0
        var running: [(index: Int, process: Running)] = []
        while next < processes.count || !running.isEmpty {
            while next < processes.count, running.count < max(atOnce, 1) {
                running.append((next, try Running(processes[next])))
                next += 1
            }
            Running.wait(running.map(\.process))
            for (index, process) in running where process.isAtEnd { ended(index, process.finish()) }
            running.removeAll { $0.process.isAtEnd }
        }
    }

    /// The place of a program on PATH, or of `name` itself when it has a slash.
    public static func find(_ name: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        guard let path = getenv("PATH") else { return nil }
        return String(cString: path).split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// The file that this process runs.
    public static var own: String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : CommandLine.arguments[0]
    }

    /// Seconds on a clock that is never set.
    public static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// A child process and the reading ends of its two streams.
private final class Running {
    private let process: pid_t
    private var streams: [Stream]
    private let start = HostProcess.now
    private let deadline: Double
    private let until: [UInt8]?
    private var timeUntil: Double?
    private var isOutOfTime = false

    private struct Stream {
        var descriptor: Int32
        var bytes: [UInt8] = []
    }

    init(_ what: HostProcess) throws(InputError) {
        func refuse(_ error: Int32) -> InputError {
            InputError(file: what.executable, problem: "cannot be run: " + String(cString: strerror(error)))
        }
        var output: [Int32] = [-1, -1]
        var errors: [Int32] = [-1, -1]
        guard pipe(&output) == 0 else { throw refuse(errno) }
        guard pipe(&errors) == 0 else {
            let error = errno
            for descriptor in output { close(descriptor) }
            throw refuse(error)
        }
        // Other children must not hold these open.
        for descriptor in output + errors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errors[1], 2)
        var arguments: [UnsafeMutablePointer<CChar>?] = ([what.executable] + what.arguments).map { strdup($0) }
        arguments.append(nil)
        var child: pid_t = 0
        let result = posix_spawn(&child, what.executable, &actions, nil, arguments, environ)
        posix_spawn_file_actions_destroy(&actions)
        for argument in arguments { free(argument) }
        close(output[1])
        close(errors[1])
        guard result == 0 else {
            close(output[0])
            close(errors[0])
            throw refuse(result)
        }
        process = child
        streams = [Stream(descriptor: output[0]), Stream(descriptor: errors[0])]
        for stream in streams { _ = fcntl(stream.descriptor, F_SETFL, O_NONBLOCK) }
        deadline = start + what.limit
        until = what.until
    }

    /// Both streams are at their end, or it was killed.
    var isAtEnd: Bool { isOutOfTime || timeUntil != nil || streams.allSatisfy { $0.descriptor < 0 } }

    /// Waits until one of `running` prints or ends, and reads what there is.
    static func wait(_ running: [Running]) {
        var polled: [pollfd] = []
        var first = Double.infinity
        for child in running {
            for stream in child.streams where stream.descriptor >= 0 {
                polled.append(pollfd(fd: stream.descriptor, events: Int16(POLLIN), revents: 0))
            }
            first = min(first, child.deadline)
        }
        let left = max(0, min(first - HostProcess.now, 3600))
        _ = poll(&polled, nfds_t(polled.count), Int32(left * 1000) + 1)
        for child in running {
            child.read()
            if !child.isAtEnd, HostProcess.now >= child.deadline {
                child.isOutOfTime = true
                kill(child.process, SIGKILL)
            }
        }
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        for index in streams.indices {
            while streams[index].descriptor >= 0 {
                let count = Glibc.read(streams[index].descriptor, &buffer, buffer.count)
                if count > 0 {
                    let room = HostProcess.kept - streams[index].bytes.count
                    streams[index].bytes += buffer.prefix(min(count, room))
                    if index == 0 { lookForEnd(newest: count) }
                } else if count < 0, errno == EINTR {
                    continue
                } else if count < 0, errno == EAGAIN {
                    break
                } else {
                    close(streams[index].descriptor)
                    streams[index].descriptor = -1
                }
            }
        }
    }

    /// Kills it if what it is run for is among the newest bytes of its standard output, or begins before them.
    private func lookForEnd(newest count: Int) {
        guard let until, timeUntil == nil else { return }
        guard streams[0].bytes.suffix(count + until.count - 1).firstRange(of: until) != nil else { return }
        timeUntil = HostProcess.now - start
        kill(process, SIGKILL)
    }

    /// Waits for the process itself and takes its account.
    func finish() -> HostProcess.Ended {
        read()
        for stream in streams where stream.descriptor >= 0 { close(stream.descriptor) }
        var status: Int32 = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) < 0, errno == EINTR {}
        let signal = status & 0x7f
        let end: HostProcess.End =
            isOutOfTime ? .outOfTime : signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return HostProcess.Ended(
            end: end, output: streams[0].bytes, errors: streams[1].bytes,
            processorTime: seconds(usage.ru_utime) + seconds(usage.ru_stime), wallTime: HostProcess.now - start,
            timeUntil: timeUntil, peakMemory: UInt64(usage.ru_maxrss) << 10)
    }
}

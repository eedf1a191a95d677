import Foundation
import TestSupport
import Testing

@testable import Machine

/// What is left when the writing fails, or the writer does.
@Suite("Trace files on hosts that fail")
struct TraceFileDiskTests {
    /// Chunk number `place` of a file that a test writes.
    private static func chunk(_ place: Int) -> [UInt8] {
        var random = SplitMix64(seed: UInt64(place))
        return (0..<500 + random.below(3000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    /// Runs `body` in a process of its own, which ends with what it returns.
    /// - Returns: the process.
    private func child(_ body: () -> Int32) throws -> pid_t {
        // Swift hides fork, since of a process with threads only one goes on; this one only writes a file.
        let symbol = try #require(dlsym(nil, "fork"))
        // SAFETY: the symbol is the C library's function of that type.
        let fork = unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
        let process = fork()
        if process == 0 {
            // Another test's file stays locked as long as anybody has it open; and no test waits for ever.
            closefrom(3)
            alarm(60)
            _exit(body())
        }
        return process
    }

    private func status(of process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }

    @Test(
        "On a disk that is full, nothing is lost but the chunk that did not fit, and the error says how far the file is good"
    )
    func fullDisk() throws {
        try TraceFiles.inFolder { folder in
            // What the child needs of Swift's runtime is there before it is begun.
            _ = try TraceFiles.random(folder + "/warm", seed: 0, chunks: 20)
            for limit in [1, 29, 5000, 20_000, 20_039, 20_040, 100_000] {
                let path = folder + "/t\(limit)", report = folder + "/report\(limit)"
                let process = try child {
                    // A file that grows no further than this stands for a disk that is full: the write comes short, or fails.
                    signal(SIGXFSZ, SIG_IGN)
                    var most = rlimit(rlim_cur: rlim_t(limit), rlim_max: rlim_t(limit))
                    setrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &most)
                    do throws(TraceFileError) {
                        let writer = try TraceFileWriter(creating: path, program: "a test")
                        for place in 0..<1000 { try writer.append(.inputs, position: UInt64(place), Self.chunk(place)) }
                        return 1
                    } catch {
                        guard case .unwritten(EFBIG, let whole) = error.problem else { return 2 }
                        let text = "\(whole.chunks)"
                        let file = open(report, O_WRONLY | O_CREAT, 0o600)
                        return write(file, text, text.utf8.count) > 0 || limit < 5 ? 0 : 3
                    }
                }
                #expect(status(of: process) == 0, "at \(limit) bytes")
                guard limit >= 100 else {
                    #expect(throws: TraceFileError.self) { try TraceFileReader(path) }
                    continue
                }
                let reader = try TraceFileReader(path)
                #expect(String(decoding: try TraceFiles.read(report), as: UTF8.self) == "\(reader.chunks.count)")
                #expect(
                    reader.ending
                        == .early(.init(wholeChunks: UInt64(reader.chunks.count), unreadableBytes: 0, isTorn: true)))
                for (place, chunk) in reader.chunks.enumerated() {
                    #expect(try reader.payload(of: chunk) == Self.chunk(place))
                }
                #expect(
                    Int(reader.byteCount) + Self.chunk(reader.chunks.count).count + TraceChunk.headerSize > limit,
                    "there was room for another chunk")
                // When there is room again, it goes on.
                let writer = try TraceFileWriter(appendingTo: path)
                try writer.append(.inputs, position: 0, [1])
                try writer.close()
                #expect(try TraceFileReader(path).ending == .complete)
            }
        }
    }

    @Test("A device that takes nothing is an error from the first write on, and each later one is the same")
    func devFull() throws {
        let error = #expect(throws: TraceFileError.self) {
            try TraceFileWriter(creating: "/dev/full", program: "a test", replaces: true)
        }
        #expect(error?.problem == .unwritten(ENOSPC, whole: TraceFileExtent()))
        #expect(
            error?.description
                == "/dev/full: could not be written on: No space left on device. Nothing of the recording is there.")
    }

    @Test("The error of a write says how much is good")
    func message() {
        let whole = TraceFileExtent(chunks: 12, bytes: 34_567, position: 1_000_000)
        #expect(
            TraceFileError(file: "t.orrery", .unwritten(ENOSPC, whole: whole)).description
                == "t.orrery: could not be written on: No space left on device. "
                + "It is good up to instruction 1,000,000: 12 chunks, 34,567 bytes.")
    }

    @Test("A writer that is killed leaves a file that is whole up to its last chunk", arguments: 0..<10)
    func killed(_ round: Int) throws {
        try TraceFiles.inFolder { folder in
            _ = try TraceFiles.random(folder + "/warm", seed: 0, chunks: 20)
            let path = folder + "/t.orrery"
            let process = try child {
                do throws(TraceFileError) {
                    let writer = try TraceFileWriter(creating: path, program: "a test")
                    for place in 0..<1_000_000 {
                        try writer.append(.inputs, position: UInt64(place), Self.chunk(place))
                    }
                    return 1
                } catch { return 2 }
            }
            // Not before there is something, and no later than a test can wait.
            let end = ContinuousClock.now + .seconds(30)
            var status = stat()
            let enough = 20_000 + round * 7919
            while stat(path, &status) != 0 || status.st_size < enough, ContinuousClock.now < end { usleep(200) }
            kill(process, SIGKILL)
            #expect(self.status(of: process) == SIGKILL)
            let reader = try TraceFileReader(path)
            guard case .early(let early) = reader.ending else {
                Issue.record("the file has a footer, which its writer cannot have come to")
                return
            }
            #expect(early.isTorn && reader.chunks.count >= 5)
            for (place, chunk) in reader.chunks.enumerated() {
                #expect(try reader.payload(of: chunk) == Self.chunk(place))
            }
            // No more is lost than the one that was being written.
            #expect(early.unreadableBytes < UInt64(Self.chunk(reader.chunks.count).count + TraceChunk.headerSize))
        }
    }
}

import CZstd

/// Compression by Zstandard (RFC 8878): one frame, which names the size of its contents.
final class ZstandardCompressor {
    private let context: OpaquePointer

    /// Nil where there is no memory for it.
    init?() {
        guard let context = ZSTD_createCCtx() else { return nil }
        self.context = context
    }

    deinit { ZSTD_freeCCtx(context) }

    /// - Parameter level: from 1, the fastest, to 19.
    /// - Returns: how many bytes of `target` are the frame; nil where it does not fit.
    func compress(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, level: Int32
    ) -> Int? {
        // SAFETY: zstd reads and writes within the two buffers, whose sizes it is given, and keeps neither.
        let size = ZSTD_compressCCtx(
            context, target.baseAddress, target.count, source.baseAddress, source.count, level)
        return ZSTD_isError(size) == 0 ? size : nil
    }
}

final class ZstandardDecompressor {
    private let context: OpaquePointer

    /// Nil where there is no memory for it.
    init?() {
        guard let context = ZSTD_createDCtx() else { return nil }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// The contents of a frame that is all of `source`; nil where they are not `count` bytes, or the frame is damaged.
    ///
    /// The frame itself says how large it is. That is compared before anything is allocated; zstd needs no memory beside the
    /// contents where these are decompressed at once.
    func decompress(_ source: UnsafeRawBufferPointer, count: Int) -> [UInt8]? {
        guard ZSTD_getFrameContentSize(source.baseAddress, source.count) == UInt64(count),
            ZSTD_findFrameCompressedSize(source.baseAddress, source.count) == source.count
        else { return nil }
        var size = 0
        // SAFETY: zstd writes at most `count` bytes, which the buffer has, and says how many.
        let contents = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            size = ZSTD_decompressDCtx(context, buffer.baseAddress, count, source.baseAddress, source.count)
            initialized = ZSTD_isError(size) == 0 ? min(size, count) : 0
        }
        return size == count ? contents : nil
    }
}

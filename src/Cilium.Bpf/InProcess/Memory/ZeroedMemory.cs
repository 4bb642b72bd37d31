using System.Runtime.InteropServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Memory;

/// <summary>
/// Large pieces of memory that is zero. A node's arrays and ring buffers are mostly never touched: taken from the system as pages, they cost nothing
/// until they are written, which an allocator that clears what it has had before does not promise.
/// </summary>
internal static unsafe class ZeroedMemory
{
    private const nuint SmallBytes = 64 << 10;

    /// <summary>Takes memory; give it back with the same length.</summary>
    /// <exception cref="KernelException">There is none.</exception>
    internal static byte* Take(nuint bytes)
    {
        if (bytes < SmallBytes || !OperatingSystem.IsLinux())
            return (byte*)NativeMemory.AllocZeroed(bytes);
        var address = Libc.mmap_anonymous(0, (nint)bytes, Libc.ProtReadWrite, Libc.MapPrivateAnonymous, -1, 0);
        return address != -1 ? (byte*)address : throw new KernelException("mmap", Marshal.GetLastPInvokeError(), $"{bytes} bytes of maps");
    }

    /// <summary>Gives memory back; null is nothing.</summary>
    internal static void Free(byte* memory, nuint bytes)
    {
        if (memory == null)
            return;
        if (bytes < SmallBytes || !OperatingSystem.IsLinux())
            NativeMemory.Free(memory);
        else
            _ = Libc.munmap((nint)memory, (nint)bytes);
    }
}

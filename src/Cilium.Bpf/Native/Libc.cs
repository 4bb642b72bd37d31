using System.Runtime.InteropServices;

namespace Cilium.Bpf.Native;

/// <summary>The few C library calls needed beside libbpf; a failure is -1 with errno kept by the marshaller.</summary>
internal static unsafe partial class Libc
{
    internal const int DuplicateCloseOnExec = 1030;
    internal const int ProtRead = 1;
    internal const int ProtReadWrite = 3;
    internal const int MapShared = 1;
    internal const int MapPrivateAnonymous = 0x22;
    internal const int EpollCloseOnExec = 0x80000;
    internal const int EpollAdd = 1;
    internal const int EventFdCloseOnExec = 0x80000;
    internal const uint EpollIn = 1;
    internal const uint EpollEdge = 1u << 31;

    // struct epoll_event is 12 bytes on x86-64 and 16 elsewhere, and begins with the events on both.
    internal const int EpollEventBytes = 16;
    internal const int OpenDirectoryReadOnly = 0x10000 | 0x80000;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fcntl(int fd, int command, int argument);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags);

    [LibraryImport("libc")]
    internal static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint mmap(nint address, nint length, int protection, int flags, BpfFd fd, nint offset);

    [LibraryImport("libc")]
    internal static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")]
    internal static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial nint mmap_anonymous(nint address, nint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc")]
    internal static partial int munmap(nint address, nint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int epoll_ctl(BpfFd epoll, int operation, BpfFd fd, void* interest);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int epoll_wait(BpfFd epoll, void* events, int count, int timeoutMilliseconds);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint write(BpfFd fd, void* bytes, nint count);

    [LibraryImport("libc")]
    internal static partial int vasprintf(byte** text, byte* format, nint arguments);

    [LibraryImport("libc")]
    internal static partial void free(void* memory);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statfs(string path, byte* buffer);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string source, string target, string type, nuint flags, string? data);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    /// <summary>The magic number of the file system a path lies on, or zero.</summary>
    internal static uint FileSystemOf(string path)
    {
        // struct statfs begins with f_type and is 120 bytes on 64-bit machines.
        var buffer = stackalloc byte[256];
        return statfs(path, buffer) == 0 ? *(uint*)buffer : 0;
    }
}

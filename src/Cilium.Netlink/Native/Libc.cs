using System.Runtime.InteropServices;

namespace Cilium.Netlink.Native;

/// <summary>The C library calls of this room; a failure is -1 with errno kept by the marshaller.</summary>
internal static unsafe partial class Libc
{
    internal const int AfInet = 2;
    internal const int AfInet6 = 10;
    internal const int AfNetlink = 16;
    internal const int SockRaw = 3;
    internal const int SockDatagram = 2;
    internal const int CloseOnExec = 0x80000;
    internal const int ReadOnly = 0;
    internal const int WriteOnly = 1;
    internal const int SolSocket = 1;
    internal const int SolNetlink = 270;
    internal const int CloneNewNet = 0x40000000;
    internal const int PollIn = 1;

    /// <summary>NS_GET_NSTYPE (ioctl_ns(2), Linux 4.11): the CLONE_NEW* flag of a namespace's file; ENOTTY for any other file.</summary>
    internal const nuint NamespaceType = 0xb703;

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollFd
    {
        public int Fd;
        public short Events;
        public short Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NetlinkAddress
    {
        public ushort Family;
        public ushort Padding;
        public uint PortId;
        public uint Groups;
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int bind(FileHandle socket, NetlinkAddress* address, int length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint send(FileHandle socket, void* buffer, nint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recv(FileHandle socket, void* buffer, nint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setsockopt(FileHandle socket, int level, int option, void* value, int length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int getsockopt(FileHandle socket, int level, int option, void* value, int* length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ioctl(FileHandle socket, nuint request, void* argument);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags);

    [LibraryImport("libc")]
    internal static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setns(FileHandle ns, int type);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string source, string target, string type, nuint flags, string? data);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sethostname(string name, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int connect(FileHandle socket, void* address, int length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint read(FileHandle file, void* buffer, nint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint write(FileHandle file, void* buffer, nint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int poll(PollFd* fds, nuint count, int timeoutMilliseconds);
}

using System.Runtime.InteropServices;
using System.Text;
using Cilium.Netlink.Native;

namespace Cilium.Netlink;

/// <summary>
/// Numbers of devices by name, in the calling thread's network namespace. Asked without the lock that every rtnetlink request waits for,
/// behind which a machine that starts pods queues for tens of milliseconds.
/// </summary>
/// <remarks>SIOCGIFINDEX, netdevice(7).</remarks>
public static unsafe class LinkIndex
{
    private const nuint SiocGetIndex = 0x8933;
    private const int NameBytes = 16;
    private const int NoDevice = 19;

    /// <summary>The device's number, or null when there is none of that name.</summary>
    /// <exception cref="ArgumentException">The name is longer than the 15 bytes that a device's name can have.</exception>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public static int? Find(string device)
    {
        if (Encoding.UTF8.GetByteCount(device) >= NameBytes)
            throw new ArgumentException($"device name {device} is too long", nameof(device));
        using var socket = FileHandle.Own(Libc.socket(Libc.AfInet, Libc.SockDatagram | Libc.CloseOnExec, 0), "socket", device);
        // struct ifreq: the name, then a union that holds the index; 40 bytes on 64-bit machines.
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        Encoding.UTF8.GetBytes(device, new Span<byte>(request, NameBytes));
        if (Libc.ioctl(socket, SiocGetIndex, request) == 0)
            return *(int*)(request + NameBytes);
        var errno = Marshal.GetLastPInvokeError();
        return errno == NoDevice ? null : throw new NetlinkException("find the number of a device", errno, device);
    }
}

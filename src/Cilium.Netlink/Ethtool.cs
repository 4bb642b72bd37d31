using System.Runtime.InteropServices;
using System.Text;
using Cilium.Netlink.Native;

namespace Cilium.Netlink;

/// <summary>Offloads of a device that can be switched.</summary>
public enum DeviceOffload : uint
{
    /// <summary>Checksums of what is received.</summary>
    ReceiveChecksum = 0x15,
    /// <summary>Checksums of what is sent.</summary>
    TransmitChecksum = 0x17,
    /// <summary>TCP segmentation.</summary>
    TcpSegmentation = 0x1f,
    /// <summary>Generic segmentation.</summary>
    GenericSegmentation = 0x24,
    /// <summary>Generic receive offload.</summary>
    GenericReceive = 0x2c,
}

/// <summary>Device features of the calling thread's network namespace.</summary>
public static unsafe class Ethtool
{
    private const nuint SiocEthtool = 0x8946;
    private const int NameBytes = 16;

    /// <summary>Switches an offload.</summary>
    /// <exception cref="NetlinkException">There is no such device, or the driver refuses.</exception>
    public static void Set(string device, DeviceOffload offload, bool isOn)
    {
        using var socket = FileHandle.Own(Libc.socket(Libc.AfInet, Libc.SockDatagram | Libc.CloseOnExec, 0), "socket", device);
        var command = stackalloc uint[2] { (uint)offload, isOn ? 1u : 0u };
        // struct ifreq: the name, then a union that holds the pointer; 40 bytes on 64-bit machines.
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        if (Encoding.UTF8.GetByteCount(device) >= NameBytes)
            throw new ArgumentException($"device name {device} is too long", nameof(device));
        Encoding.UTF8.GetBytes(device, new Span<byte>(request, NameBytes));
        *(void**)(request + NameBytes) = command;
        if (Libc.ioctl(socket, SiocEthtool, request) != 0)
            throw new NetlinkException($"ethtool {offload}", Marshal.GetLastPInvokeError(), device);
    }
}

namespace Cilium.VirtualNetwork.Devices;

/// <summary>What XDP programs say, by the kernel's numbers (<c>enum xdp_action</c>); any other number is as <see cref="Aborted"/>.</summary>
internal enum XdpVerdict
{
    /// <summary>An error of the program: the frame ends.</summary>
    Aborted = 0,
    /// <summary>The frame ends.</summary>
    Drop = 1,
    /// <summary>The frame goes on.</summary>
    Pass = 2,
    /// <summary>Out of the device by which it came.</summary>
    Send = 3,
    /// <summary>Out of the device that the program named.</summary>
    Redirect = 4,
}

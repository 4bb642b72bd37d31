using Cilium.Core;

namespace Cilium.Hosts.Cni.Devices;

/// <summary>The kernel as the plugin needs it: one seam, so that the commands can be tested without root.</summary>
internal interface IPodNetwork
{
    /// <summary>Creates the pair with its peer in the pod's namespace, with addresses and routes.</summary>
    /// <remarks>A host side of that name that exists already is replaced: it is the rest of an attempt that was cut off.</remarks>
    CreatedDevice Create(PodDevice device, string namespacePath);

    /// <summary>Deletes the pair by the name of its host side; false when there is none.</summary>
    bool Delete(string hostName);

    /// <summary>
    /// What is wrong with the pod's side, or null: the device is there, up, and has the addresses, and the namespace has the routes. A route without a
    /// gateway may have any.
    /// </summary>
    string? Check(string namespacePath, string podName, IReadOnlyList<IpAddr> addresses, IReadOnlyList<(Prefix Destination, IpAddr Gateway)> routes);
}

/// <summary>What the kernel chose for a new pair.</summary>
/// <param name="HostIndex">Index of the host side.</param>
/// <param name="NamespaceCookie">The kernel's cookie of the pod's namespace.</param>
internal readonly record struct CreatedDevice(int HostIndex, ulong NamespaceCookie);

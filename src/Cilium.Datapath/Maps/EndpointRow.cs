using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A local endpoint: value of cilium_devices (by ifindex) and cilium_lxc (by address).</summary>
/// <param name="Identity">Numeric security identity.</param>
/// <param name="EndpointId">Endpoint id.</param>
/// <param name="Flags">Flags.</param>
/// <param name="PolicyId">Index into cilium_policy and cilium_policy_stamp.</param>
/// <param name="Ifindex">Index of the host side of the device pair.</param>
/// <param name="ContainerMac">Address of the device in the pod.</param>
/// <param name="HostMac">Address of the host-side device.</param>
/// <param name="Pad">Zero.</param>
/// <param name="IPv4">IPv4 address, or none.</param>
/// <param name="IPv6">IPv6 address, or none.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("endpoint_row")]
public readonly record struct EndpointRow(
    uint Identity,
    ushort EndpointId,
    EndpointFlags Flags,
    uint PolicyId,
    uint Ifindex,
    MacAddr ContainerMac,
    MacAddr HostMac,
    uint Pad,
    Addr128 IPv4,
    Addr128 IPv6);

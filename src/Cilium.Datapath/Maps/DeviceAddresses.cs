using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>What pods are masqueraded with that leave by a device.</summary>
/// <param name="IPv4">Its IPv4 address, or none.</param>
/// <param name="IPv6">Its IPv6 address, or none.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("device_addresses")]
public readonly record struct DeviceAddresses(
    Addr128 IPv4,
    Addr128 IPv6);

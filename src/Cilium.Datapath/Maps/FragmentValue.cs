using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>The ports its first fragment carried.</summary>
/// <param name="SourcePort">Source port, or ICMP id.</param>
/// <param name="DestinationPort">Destination port.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("fragment_value")]
public readonly record struct FragmentValue(
    NetPort SourcePort,
    NetPort DestinationPort);

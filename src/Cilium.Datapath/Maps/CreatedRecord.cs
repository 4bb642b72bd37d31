using System.Runtime.InteropServices;

namespace Cilium.Datapath.Maps;

/// <summary>A record of cilium_ct_created: the key of an entry that was just made, so that its expiry can be planned.</summary>
/// <param name="Lifetime">Second of CLOCK_MONOTONIC at which it expires unless it is used.</param>
/// <param name="Kind">Which map holds the entry.</param>
/// <param name="Pad0">Zero.</param>
/// <param name="Pad1">Zero.</param>
/// <param name="Pad2">Zero.</param>
/// <param name="Key">Its key; the bytes of an <see cref="SnatKey"/> when <paramref name="Kind"/> says so.</param>
/// <param name="Created">When the entry was made, as it says itself; zero in records of earlier programs.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CStruct("created_record")]
public readonly record struct CreatedRecord(
    uint Lifetime,
    CreatedKind Kind,
    byte Pad0,
    byte Pad1,
    byte Pad2,
    CtTuple Key,
    uint Created);

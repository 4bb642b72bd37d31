using Cilium.Core;
using Cilium.Ipam.Sets;

namespace Cilium.Ipam;

/// <summary>The blocks of one size of one CIDR, with a place where the next search begins. Not thread-safe.</summary>
internal sealed class CidrBlocks(Prefix cidr, int maskSize)
{
    private readonly OffsetSet _taken = new(maskSize - cidr.Length);
    private UInt128 _next;

    public Prefix Cidr { get; } = cidr;

    public UInt128 Taken => _taken.Count;

    /// <summary>How many blocks there are; one less than true for 2^128.</summary>
    public UInt128 Count => _taken.Last == UInt128.MaxValue ? UInt128.MaxValue : _taken.Last + 1;

    /// <summary>True when it gives nothing more and goes with its last block.</summary>
    public bool IsRetired { get; set; }

    public bool TryTakeNext(out Prefix block)
    {
        block = default;
        if (_taken.Count >= Count || !(_taken.TryFindAbsent(_next, out var index) || _taken.TryFindAbsent(0, out index)))
        {
            return false;
        }

        _taken.Add(index);
        _next = index == _taken.Last ? UInt128.Zero : index + 1;
        block = new Prefix(Cidr.Address.Add(index << HostBits), maskSize);
        return true;
    }

    public bool TryTake(Prefix block) => _taken.Add(IndexOf(block));

    public bool Free(Prefix block) => _taken.Remove(IndexOf(block));

    private int HostBits => Cidr.Address.BitLength - maskSize;

    private UInt128 IndexOf(Prefix block) => (block.Address.Value - Cidr.Address.Value) >> HostBits;
}

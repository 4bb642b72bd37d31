using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>The blocks of one size of one CIDR, with a place where the next search begins. Not thread-safe.</summary>
internal sealed class CidrBlocks(Prefix cidr, int maskSize)
{
    private readonly HashSet<UInt128> _taken = [];
    private UInt128 _next;

    public Prefix Cidr { get; } = cidr;

    public int Taken => _taken.Count;

    /// <summary>How many blocks there are; one less than true for 2^128.</summary>
    public UInt128 Count { get; } = maskSize - cidr.Length == 128 ? UInt128.MaxValue : UInt128.One << (maskSize - cidr.Length);

    public bool TryTakeNext(out Prefix block)
    {
        block = default;
        if ((UInt128)_taken.Count >= Count)
        {
            return false;
        }

        while (!_taken.Add(_next))
        {
            Advance();
        }

        block = new Prefix(Cidr.Address.Add(_next << HostBits), maskSize);
        Advance();
        return true;
    }

    public bool TryTake(Prefix block) => _taken.Add(IndexOf(block));

    public bool Free(Prefix block) => _taken.Remove(IndexOf(block));

    private int HostBits => Cidr.Address.BitLength - maskSize;

    private UInt128 IndexOf(Prefix block) => (block.Address.Value - Cidr.Address.Value) >> HostBits;

    private void Advance() => _next = _next + 1 == Count ? UInt128.Zero : _next + 1;
}

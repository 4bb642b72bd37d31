using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>The answer to a request for a CIDR.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Cidr">The CIDR when it was given.</param>
/// <param name="Message">What to tell the user when it was not; empty otherwise.</param>
public readonly record struct CidrResult(AllocationStatus Status, Prefix Cidr, string Message)
{
    /// <summary>True when a CIDR was given.</summary>
    public bool IsOk => Status == AllocationStatus.Ok;
}

/// <summary>Cuts CIDRs of one size from a list of larger ones of the same family: what the operator gives to nodes.</summary>
/// <remarks>Next-fit within each CIDR, in the order of the list; released ones are given again when the search comes round. Thread-safe.</remarks>
public sealed class CidrPool
{
    private readonly Lock _lock = new();
    private readonly List<CidrBlocks> _parents = [];

    /// <summary>Makes a pool.</summary>
    /// <param name="cidrs">The CIDRs to cut from.</param>
    /// <param name="maskSize">The prefix length of what is given.</param>
    /// <remarks>At most two bits short of an address: the first and the last address of what a node is given are unusable.</remarks>
    /// <exception cref="ArgumentException">CIDRs of both families, overlapping ones, or a mask size that does not fit one; the message names it.</exception>
    public CidrPool(IReadOnlyCollection<Prefix> cidrs, int maskSize)
    {
        ArgumentNullException.ThrowIfNull(cidrs);
        MaskSize = maskSize;
        foreach (var cidr in cidrs)
        {
            if (maskSize < cidr.Length || maskSize > cidr.Address.BitLength - 2)
            {
                throw new ArgumentException($"mask size {maskSize} does not fit {cidr}", nameof(maskSize));
            }

            if (_parents.Find(other => other.Cidr.IsIPv4 != cidr.IsIPv4 || other.Cidr.Overlaps(cidr)) is { } conflict)
            {
                throw new ArgumentException($"{cidr} and {conflict.Cidr} overlap or are of two families", nameof(cidrs));
            }

            _parents.Add(new CidrBlocks(cidr, maskSize));
        }
    }

    /// <summary>The prefix length of what is given.</summary>
    public int MaskSize { get; }

    /// <summary>CIDRs given, and how many there are in all; the latter saturates.</summary>
    public (int Used, UInt128 Capacity) Usage
    {
        get
        {
            lock (_lock)
            {
                var capacity = UInt128.Zero;
                foreach (var parent in _parents)
                {
                    var sum = capacity + parent.Count;
                    capacity = sum < capacity ? UInt128.MaxValue : sum;
                }

                return (_parents.Sum(parent => parent.Taken), capacity);
            }
        }
    }

    /// <summary>Gives a free CIDR.</summary>
    public CidrResult Allocate()
    {
        lock (_lock)
        {
            foreach (var parent in _parents)
            {
                if (parent.TryTakeNext(out var cidr))
                {
                    return new CidrResult(AllocationStatus.Ok, cidr, "");
                }
            }

            return _parents.Count == 0
                ? new CidrResult(AllocationStatus.NoRange, default, "no pod CIDRs are configured for this family")
                : new CidrResult(AllocationStatus.Exhausted, default, $"allocator full: no /{MaskSize} is free in {Describe()}");
        }
    }

    /// <summary>Marks a CIDR that a node holds already, after a restart for example.</summary>
    public CidrResult Occupy(Prefix cidr)
    {
        lock (_lock)
        {
            if (_parents.Find(candidate => candidate.Cidr.Contains(cidr)) is not { } parent)
            {
                return new CidrResult(AllocationStatus.OutOfRange, default, $"{cidr} is in none of the pod CIDRs: {Describe()}");
            }

            if (cidr.Length != MaskSize)
            {
                return new CidrResult(AllocationStatus.OutOfRange, default, $"{cidr} is not of mask size {MaskSize}");
            }

            return parent.TryTake(cidr)
                ? new CidrResult(AllocationStatus.Ok, cidr, "")
                : new CidrResult(AllocationStatus.InUse, default, $"{cidr} is in use by another node");
        }
    }

    /// <summary>Gives back a CIDR; false when it was not given.</summary>
    public bool Release(Prefix cidr)
    {
        lock (_lock)
        {
            return cidr.Length == MaskSize && _parents.Find(candidate => candidate.Cidr.Contains(cidr)) is { } parent && parent.Free(cidr);
        }
    }

    /// <summary>True when the CIDR is one that this pool could give.</summary>
    public bool IsInRange(Prefix cidr) => cidr.Length == MaskSize && _parents.Exists(parent => parent.Cidr.Contains(cidr));

    private string Describe() => string.Join(", ", _parents.Select(parent => $"{parent.Cidr} ({parent.Taken}/{parent.Count} in use)"));
}

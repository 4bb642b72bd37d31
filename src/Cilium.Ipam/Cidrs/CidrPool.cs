using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>The answer to a request for a CIDR.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Cidr">The CIDR when it was given (<see cref="IsOk"/>); otherwise the default value, which as a prefix is <c>::/0</c> and means nothing here.</param>
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
    /// <exception cref="ArgumentException">CIDRs of both families, overlapping ones, or a mask size that does not fit one; the message names it.</exception>
    public CidrPool(IReadOnlyCollection<Prefix> cidrs, int maskSize)
    {
        MaskSize = maskSize;
        SetCidrs(cidrs);
    }

    /// <summary>The prefix length of what is given.</summary>
    public int MaskSize { get; }

    /// <summary>The CIDRs that are cut from.</summary>
    public IReadOnlyList<Prefix> Cidrs
    {
        get
        {
            lock (_lock)
            {
                return [.. _parents.Where(parent => !parent.IsRetired).Select(parent => parent.Cidr)];
            }
        }
    }

    /// <summary>CIDRs given, and how many there are in all, those of retired CIDRs left out of the latter; it saturates.</summary>
    public (int Used, UInt128 Capacity) Usage
    {
        get
        {
            lock (_lock)
            {
                var capacity = UInt128.Zero;
                foreach (var parent in _parents)
                {
                    var sum = capacity + (parent.IsRetired ? UInt128.Zero : parent.Count);
                    capacity = sum < capacity ? UInt128.MaxValue : sum;
                }

                return ((int)_parents.Aggregate(UInt128.Zero, (sum, parent) => sum + parent.Taken), capacity);
            }
        }
    }

    /// <summary>Sets the CIDRs to cut from: new ones come behind the others, missing ones are drained (they give nothing more, and go with their last).</summary>
    /// <exception cref="ArgumentException">As in the constructor, or a new one overlaps a drained one that is still in use.</exception>
    public void SetCidrs(IReadOnlyCollection<Prefix> cidrs)
    {
        ArgumentNullException.ThrowIfNull(cidrs);
        lock (_lock)
        {
            var wanted = cidrs.Distinct().ToArray();
            for (var i = 0; i < wanted.Length; i++)
            {
                var cidr = wanted[i];
                if (MaskSize < cidr.Length || MaskSize > cidr.Address.BitLength)
                {
                    throw new ArgumentException($"mask size {MaskSize} does not fit {cidr}", nameof(cidrs));
                }

                var conflict = Array.FindIndex(wanted, 0, i, other => other.IsIPv4 != cidr.IsIPv4 || other.Overlaps(cidr));
                if (conflict >= 0)
                {
                    throw new ArgumentException($"{cidr} and {wanted[conflict]} overlap or are of two families", nameof(cidrs));
                }

                if (_parents.Find(parent => parent.Cidr != cidr && parent.Taken > 0 && parent.Cidr.Overlaps(cidr)) is { } used)
                {
                    throw new ArgumentException($"{cidr} overlaps {used.Cidr}, of which {used.Taken} are in use", nameof(cidrs));
                }
            }

            _parents.RemoveAll(parent => parent.Taken == 0 && !wanted.Contains(parent.Cidr));
            _parents.ForEach(parent => parent.IsRetired = !wanted.Contains(parent.Cidr));
            _parents.AddRange(wanted.Where(cidr => !_parents.Exists(parent => parent.Cidr == cidr)).ToList().ConvertAll(cidr => new CidrBlocks(cidr, MaskSize)));
        }
    }

    /// <summary>Gives a free CIDR.</summary>
    public CidrResult Allocate()
    {
        lock (_lock)
        {
            foreach (var parent in _parents)
            {
                if (!parent.IsRetired && parent.TryTakeNext(out var cidr))
                {
                    return new CidrResult(AllocationStatus.Ok, cidr, "");
                }
            }

            return _parents.TrueForAll(parent => parent.IsRetired)
                ? new CidrResult(AllocationStatus.NoRange, default, "no pod CIDRs are configured for this family")
                : new CidrResult(AllocationStatus.Exhausted, default, $"allocator full: no /{MaskSize} is free in {Describe()}");
        }
    }

    /// <summary>Marks a CIDR that a node holds already, after a restart for example.</summary>
    public CidrResult Occupy(Prefix cidr)
    {
        lock (_lock)
        {
            if (ParentOf(cidr) is not { } parent)
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
            if (cidr.Length != MaskSize || ParentOf(cidr) is not { } parent || !parent.Free(cidr))
            {
                return false;
            }

            if (parent is { IsRetired: true, Taken: var taken } && taken == 0)
            {
                _parents.Remove(parent);
            }

            return true;
        }
    }

    /// <summary>True when the CIDR is one that this pool could give, or has given.</summary>
    public bool IsInRange(Prefix cidr)
    {
        lock (_lock)
        {
            return cidr.Length == MaskSize && ParentOf(cidr) is not null;
        }
    }

    private CidrBlocks? ParentOf(Prefix cidr) => _parents.Find(parent => parent.Cidr.Contains(cidr));

    private string Describe() => string.Join(", ", _parents.Select(parent => $"{parent.Cidr} ({parent.Taken}/{parent.Count} in use)"));
}

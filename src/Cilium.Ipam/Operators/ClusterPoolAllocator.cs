using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Gives each node one CIDR per family from the cluster's CIDRs (mode <c>cluster-pool</c>).</summary>
/// <remarks>
/// What a node holds stays its own, also what is refused: pods may use it. A node whose CIDRs are all drained gets another one beside them, and lets
/// go of them by no longer listing them. Not thread-safe.
/// </remarks>
public sealed class ClusterPoolAllocator : IOperatorIpam
{
    private readonly CidrPool? _ipv4;
    private readonly CidrPool? _ipv6;
    private readonly Dictionary<string, List<Prefix>> _held = [];
    private readonly Dictionary<string, Dictionary<Prefix, string>> _refused = [];
    private readonly HashSet<string> _waiting = [];
    private readonly List<Prefix> _blocked = [];
    private readonly Dictionary<string, NodeHoldings> _seen = [];
    private readonly HashSet<Prefix> _unwritten = [];
    private readonly IReadOnlyList<Prefix> _drained;

    /// <summary>Makes an allocator.</summary>
    /// <param name="ipv4">What IPv4 CIDRs are cut from; null when nodes get none.</param>
    /// <param name="ipv6">What IPv6 CIDRs are cut from; null when nodes get none.</param>
    /// <param name="drained">CIDRs of which nodes may still hold something, and which give nothing more.</param>
    public ClusterPoolAllocator(CidrPool? ipv4, CidrPool? ipv6, IReadOnlyList<Prefix>? drained = null)
    {
        _ipv4 = ipv4;
        _ipv6 = ipv6;
        _drained = drained ?? [];
    }

    /// <summary>How many CIDRs nodes have let go so far: when it grows, those that wait may try again.</summary>
    public long Freed { get; private set; }

    /// <summary>The nodes that did not get what they need.</summary>
    public IReadOnlyCollection<string> Waiting() => [.. _waiting.Union(_refused.Keys)];

    /// <inheritdoc/>
    public void Restore(IEnumerable<NodeHoldings> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        foreach (var node in nodes.OrderBy(node => node.Name, StringComparer.Ordinal))
        {
            Occupy(node.Name, CidrsOf(node));
            _seen[node.Name] = node;
        }
    }

    /// <summary>
    /// Takes note of what nodes hold by now, so that a decision for another gives nothing of it. Of what they no longer hold nothing is freed: that is for
    /// their own decisions.
    /// </summary>
    public void Observe(IEnumerable<NodeHoldings> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        foreach (var node in nodes)
        {
            var written = CidrsOf(node);
            Occupy(node.Name, written);
            TakeBackUnwritten(node.Name, written);
        }
    }

    /// <inheritdoc/>
    public NodeDecision Decide(NodeHoldings node)
    {
        ArgumentNullException.ThrowIfNull(node);
        var written = CidrsOf(node);
        TakeBack(node, written);
        Occupy(node.Name, written);
        TakeBackUnwritten(node.Name, written);
        var errors = new List<string>();
        if (_refused.TryGetValue(node.Name, out var refused))
        {
            errors.AddRange(refused.OrderBy(pair => pair.Key).Select(pair => pair.Value));
        }

        var held = HeldBy(node.Name);
        _waiting.Remove(node.Name);
        AddMissing(_ipv4, true, node.Name, written, held, errors);
        AddMissing(_ipv6, false, node.Name, written, held, errors);

        // What was written stays, in its order, also what is refused: pods may use it. New CIDRs follow.
        var wanted = written.Concat(held.Where(cidr => !written.Contains(cidr))).ToEquatableArray();
        return new NodeDecision([new PoolCidrs(PoolNames.Default, wanted)], errors);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Release(string nodeName)
    {
        var hadRefused = _refused.Remove(nodeName);
        _waiting.Remove(nodeName);
        _seen.Remove(nodeName);
        _held.Remove(nodeName, out var held);
        held ??= [];
        if (held.Count == 0 && !hadRefused)
        {
            return [];
        }

        foreach (var cidr in held.Concat(_blocked.Where(cidr => !IsForeign(cidr))).ToArray())
        {
            PoolOf(cidr)?.Release(cidr);
            _blocked.Remove(cidr);
            _unwritten.Remove(cidr);
        }

        // Whoever was refused because this node held the same CIDR may have it now.
        return [.. _waiting, .. _refused.Where(pair => pair.Value.Keys.Any(held.Contains)).Select(pair => pair.Key)];
    }

    private static Prefix[] CidrsOf(NodeHoldings node) => [.. node.Held.SelectMany(held => held.Cidrs)];

    /// <summary>What a node was seen with and is now without is free.</summary>
    private void TakeBack(NodeHoldings node, Prefix[] written)
    {
        if (_seen.TryGetValue(node.Name, out var before) && before.Incarnation == node.Incarnation)
        {
            foreach (var gone in CidrsOf(before).Where(cidr => !written.Contains(cidr) && HeldBy(node.Name).Remove(cidr)))
            {
                PoolOf(gone)?.Release(gone);
                Freed++;
            }
        }

        _seen[node.Name] = node;
    }

    /// <summary>
    /// A CIDR was meant for a node that listed none of the family. When the node is seen with another one, somebody else wrote first and the CIDR is
    /// free: decisions are written over the state they were made from, so it cannot appear any more.
    /// </summary>
    private void TakeBackUnwritten(string nodeName, Prefix[] written)
    {
        _unwritten.ExceptWith(written);
        var held = HeldBy(nodeName);
        foreach (var cidr in held.Where(_unwritten.Contains).ToArray())
        {
            if (Array.Exists(written, other => other.IsIPv4 == cidr.IsIPv4 && !IsDrained(other)))
            {
                held.Remove(cidr);
                _unwritten.Remove(cidr);
                PoolOf(cidr)?.Release(cidr);
                Freed++;
            }
        }
    }

    private bool IsDrained(Prefix cidr) => _drained.Any(drained => drained.Contains(cidr));

    private void Occupy(string nodeName, Prefix[] written)
    {
        var held = HeldBy(nodeName);
        _refused.Remove(nodeName);
        foreach (var cidr in written)
        {
            if (held.Contains(cidr) || IsDrained(cidr) || PoolOf(cidr) is not { } pool)
            {
                continue;
            }

            var result = pool.Occupy(cidr);
            if (result.IsOk)
            {
                held.Add(cidr);
                continue;
            }

            if (!_refused.TryGetValue(nodeName, out var refused))
            {
                _refused.Add(nodeName, refused = []);
            }

            // Without the pool's usage: the text must not change while its cause does not.
            refused[cidr] = result.Status == AllocationStatus.InUse
                ? $"{cidr} is in use by another node"
                : $"{cidr} is not a /{pool.MaskSize} of the configured pod CIDRs";
        }
    }

    private void AddMissing(CidrPool? pool, bool isIPv4, string nodeName, Prefix[] written, List<Prefix> held, List<string> errors)
    {
        if (pool is null || held.Exists(cidr => cidr.IsIPv4 == isIPv4) || Array.Exists(written, cidr => cidr.IsIPv4 == isIPv4 && !IsDrained(cidr)))
        {
            return;
        }

        for (var result = pool.Allocate(); result.IsOk; result = pool.Allocate())
        {
            if (!IsForeign(result.Cidr))
            {
                held.Add(result.Cidr);
                _unwritten.Add(result.Cidr);
                return;
            }

            // A node still uses a CIDR of another size around it: nobody may have it while that node lives.
            _blocked.Add(result.Cidr);
        }

        errors.Add($"allocator full: no /{pool.MaskSize} is free in the {(isIPv4 ? "IPv4" : "IPv6")} pod CIDRs");
        _waiting.Add(nodeName);
    }

    /// <summary>True when a node that was refused a CIDR nevertheless uses addresses of this one.</summary>
    private bool IsForeign(Prefix cidr) =>
        _refused.Values.Any(refused => refused.Keys.Any(other => other.Length != cidr.Length && other.Overlaps(cidr)));

    private CidrPool? PoolOf(Prefix cidr) => cidr.IsIPv4 ? _ipv4 : _ipv6;

    private List<Prefix> HeldBy(string nodeName)
    {
        if (!_held.TryGetValue(nodeName, out var held))
        {
            _held.Add(nodeName, held = []);
        }

        return held;
    }
}

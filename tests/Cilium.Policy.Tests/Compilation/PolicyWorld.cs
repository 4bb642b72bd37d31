using Cilium.Core;

namespace Cilium.Policy.Tests.Compilation;

/// <summary>A small random cluster: identities, rules, subjects and packets that have a good chance to meet.</summary>
internal sealed class PolicyWorld
{
    private static readonly string[] s_cidrs =
        ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "0.0.0.0/0", "1.2.3.4/0", "192.168.0.0/16", "fd00::/8", "fd00:1::/32", "::/0"];

    private static readonly ushort[] s_ports = [0, 1, 8, 53, 80, 81, 127, 128, 443, 1023, 1024, 8080, 32767, 32768, 65535];
    private static readonly L4Protocol[] s_protocols = [L4Protocol.Tcp, L4Protocol.Tcp, L4Protocol.Udp, L4Protocol.Sctp, L4Protocol.Icmp, L4Protocol.IcmpV6];
    private static readonly string[] s_addresses = ["10.0.0.1", "10.1.0.1", "10.1.2.1", "10.1.2.3", "8.8.8.8", "192.168.0.7", "fd00::1", "fd00:1::1", "2001:db8::1"];
    private static readonly string[] s_names = ["http", "dns"];

    private readonly Random _random;

    public PolicyWorld(int seed)
    {
        _random = new Random(seed);
        var isDual = _random.Next(2) == 0;
        Options = new PolicyOptions
        {
            Cluster = new ClusterFacts("c1", true, isDual),
            Enforcement = _random.Next(8) switch { 0 => EnforcementMode.Always, 1 => EnforcementMode.Never, _ => EnforcementMode.Default },
            AllowLocalhost = _random.Next(4) > 0,
        };
        foreach (var reserved in ReservedIdentities.All(Options.Cluster))
        {
            Identities[reserved.Id] = reserved.Labels;
        }

        for (uint id = 256; id < 256 + 6; id++)
        {
            Identities[new Identity(id)] = RandomPodLabels();
        }
    }

    public PolicyOptions Options { get; }

    public Dictionary<Identity, LabelSet> Identities { get; } = [];

    public Dictionary<Prefix, Identity> Cidrs { get; } = [];

    public Dictionary<Identity, EquatableArray<NamedPort>> NamedPorts { get; } = [];

    public int Next(int below) => _random.Next(below);

    public T Pick<T>(IReadOnlyList<T> items) => items[_random.Next(items.Count)];

    public Label[]? LabelsOf(Identity identity) => Identities.TryGetValue(identity, out var labels) ? [.. labels] : null;

    public LabelSet RandomPodLabels()
    {
        if (_random.Next(12) == 0)
        {
            return LabelSet.Reserved("init");
        }

        var labels = new List<string> { $"k8s:io.kubernetes.pod.namespace=n{_random.Next(2)}", $"k8s:io.cilium.k8s.policy.cluster=c{_random.Next(3) / 2 + 1}" };
        labels.Add($"k8s:app={Pick(["a", "b", "c"])}");
        if (_random.Next(2) == 0)
        {
            labels.Add($"k8s:tier={Pick(["x", "y"])}");
        }

        if (_random.Next(6) == 0)
        {
            labels.Add("other:app=a");
        }

        return LabelSet.Parse(labels);
    }

    public EquatableArray<NamedPort> RandomNamedPorts() => NamedPort.Normalize(
        Enumerable.Range(0, _random.Next(3)).Select(_ => new NamedPort(Pick(s_names), Pick(s_protocols[..3]), Pick(s_ports[1..]))));

    public List<PolicyRule> RandomRules(int count) => [.. Enumerable.Range(0, count).Select(RandomRule)];

    public PolicyRule RandomRule(int number) => new()
    {
        Origin = new PolicyOrigin("CiliumNetworkPolicy", "n0", $"p{number}"),
        Subject = _random.Next(4) == 0 ? LabelSelector.All : RandomSelector(),
        SelectsNodes = _random.Next(20) == 0,
        Ingress = RandomSection(),
        Egress = RandomSection(),
    };

    /// <summary>Gives every prefix that the rules name an identity, as an agent does before it compiles.</summary>
    public void AllocateCidrs(IEnumerable<PolicyRule> rules)
    {
        var peers = rules.SelectMany(rule => new[] { rule.Ingress, rule.Egress }).SelectMany(section => section.Allow.Concat(section.Deny))
            .SelectMany(element => element.Peers).OfType<CidrPeer>();
        foreach (var prefix in peers.Select(peer => peer.Prefix).Where(prefix => prefix.Length > 0).Distinct())
        {
            var identity = new Identity(Identity.LocalScope + 1 + (uint)Cidrs.Count);
            Cidrs[prefix] = identity;
            Identities[identity] = CidrLabels.Of(prefix, Options.Cluster);
        }
    }

    public PolicySubject RandomSubject() => new(RandomPodLabels(), RandomNamedPorts());

    public Packet RandomPacket()
    {
        var direction = (TrafficDirection)_random.Next(2);
        var protocol = Pick(s_protocols);
        var port = protocol is L4Protocol.Icmp or L4Protocol.IcmpV6 ? Pick<ushort>([0, 3, 8, 128]) : (ushort)Math.Clamp(Pick(s_ports) + _random.Next(-1, 2), 0, 65535);
        if (_random.Next(3) == 0)
        {
            var address = IpAddr.Parse(Pick(s_addresses));
            if (address.IsIPv4 || Options.Cluster.HasIPv6)
            {
                return new Packet(direction, Resolve(address), address, protocol, port);
            }
        }

        // Prefixes and the world are met by their addresses, all others by their identity.
        var inside = Identities.Keys.Where(id => !id.IsLocal && id.Value is not (2 or 9 or 10)).Append(Identity.Unknown).Append(new Identity(9999)).ToArray();
        return new Packet(direction, Pick(inside), null, protocol, port);
    }

    public Identity Resolve(IpAddr address)
    {
        var longest = Cidrs.Keys.Where(prefix => prefix.Contains(address)).OrderByDescending(prefix => prefix.Length).ToArray();
        return longest.Length > 0 ? Cidrs[longest[0]]
            : !Options.Cluster.IsDualStack ? Identity.World
            : address.IsIPv4 ? Identity.WorldIPv4 : Identity.WorldIPv6;
    }

    public LabelSelector RandomSelector() => LabelSelector.Create(Enumerable.Range(0, _random.Next(1, 3)).Select(_ => _random.Next(6) switch
    {
        0 => LabelRequirement.Create("any:app", SelectorOperator.In, Pick(["a", "b"])),
        1 => LabelRequirement.Create("k8s:app", SelectorOperator.NotIn, "a", "b"),
        2 => LabelRequirement.Create("k8s:tier", SelectorOperator.Exists),
        3 => LabelRequirement.Create("tier", SelectorOperator.DoesNotExist),
        4 => LabelRequirement.Create("k8s:io.kubernetes.pod.namespace", SelectorOperator.In, $"n{_random.Next(2)}"),
        _ => LabelRequirement.Create("k8s:app", SelectorOperator.In, "a", "c"),
    }));

    private PolicySection RandomSection() => _random.Next(3) == 0
        ? PolicySection.Absent
        : PolicySection.Create(
            Enumerable.Range(0, _random.Next(3)).Select(_ => RandomElement()),
            Enumerable.Range(0, _random.Next(5) / 3).Select(_ => RandomElement()),
            _random.Next(5) switch { 0 => true, 1 => false, _ => null });

    private PeerRule RandomElement() => PeerRule.Create(
        _random.Next(5) == 0 ? null : Enumerable.Range(0, _random.Next(1, 3)).Select(_ => RandomPeer()).ToArray(),
        _random.Next(3) == 0 ? null : Enumerable.Range(0, _random.Next(5) == 0 ? 0 : _random.Next(1, 3)).SelectMany(_ => RandomPorts()).ToArray());

    private PeerSelector RandomPeer()
    {
        switch (_random.Next(6))
        {
            case 0:
                return new EntityPeer((Entity)_random.Next((int)Entity.Unmanaged + 1));
            case 1 or 2:
                return CidrPeer.Parse(Pick(s_cidrs));
            default:
                return new LabelPeer(_random.Next(10) == 0 ? LabelSelector.All : RandomSelector());
        }
    }

    private IEnumerable<PortMatch> RandomPorts()
    {
        var protocol = Pick([L4Protocol.Any, L4Protocol.Tcp, L4Protocol.Udp, L4Protocol.Sctp]);
        return _random.Next(6) switch
        {
            0 => PortMatch.OfName(protocol, Pick(s_names)),
            1 => [PortMatch.OfIcmp(_random.Next(2) == 0, Pick<byte>([0, 3, 8, 128]))],
            2 => PortMatch.OfPorts(protocol, Pick(s_ports), Pick(s_ports)),
            3 => [PortMatch.Everything],
            _ => PortMatch.OfPorts(protocol, Pick(s_ports)),
        };
    }
}

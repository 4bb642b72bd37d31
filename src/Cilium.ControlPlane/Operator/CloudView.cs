using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.ControlPlane.Operator;

/// <summary>What is known of a cloud: read whole from time to time, one instance after each change, with what was taken away taken off.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class CloudView(IInterfaceCloud cloud, TimeProvider time)
{
    // A cloud shows changes late: what was taken away may be in the next answers still, and must not be given to pods again.
    private static readonly TimeSpan s_late = TimeSpan.FromMinutes(1);
    private readonly Dictionary<string, IReadOnlyList<CloudInterface>> _byInstance = [];
    private readonly Dictionary<(string Interface, IpAddr Address), DateTimeOffset> _takenAway = [];
    private readonly Dictionary<string, InterfaceSubnet> _subnets = [];
    private CloudInventory? _inventory;
    private DateTimeOffset _readAt;

    /// <summary>The subnets, with the addresses off that were taken since they were read.</summary>
    public IReadOnlyList<InterfaceSubnet> Subnets => [.. _subnets.Values];

    /// <summary>The security groups.</summary>
    public IReadOnlyList<InterfaceSecurityGroup> SecurityGroups => _inventory?.SecurityGroups ?? [];

    /// <summary>Reads everything when what is known is older than this.</summary>
    public async Task RefreshAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        if (_inventory is not null && time.GetUtcNow() - _readAt < age)
        {
            return;
        }

        var read = await cloud.ReadAsync(cancellationToken);
        _inventory = read;
        _readAt = time.GetUtcNow();
        _subnets.Clear();
        foreach (var subnet in read.Subnets)
        {
            _subnets[subnet.Id] = subnet;
        }

        _byInstance.Clear();
        foreach (var group in read.Interfaces.Where(found => found.InstanceId.Length > 0).GroupBy(found => found.InstanceId))
        {
            _byInstance[group.Key] = WithoutTakenAway(group);
        }
    }

    /// <summary>Reads the interfaces of one instance.</summary>
    public async Task RefreshInstanceAsync(string instanceId, CancellationToken cancellationToken) =>
        _byInstance[instanceId] = WithoutTakenAway(await cloud.ReadInstanceAsync(instanceId, cancellationToken));

    /// <summary>True for an instance that is there.</summary>
    public bool Knows(string instanceId) => _inventory is not null && _inventory.Instances.ContainsKey(instanceId);

    /// <summary>The interfaces of an instance, by index.</summary>
    public IReadOnlyList<CloudInterface> InterfacesOf(string instanceId) => _byInstance.GetValueOrDefault(instanceId) ?? [];

    /// <summary>The CIDRs of a network, the primary one first.</summary>
    public EquatableArray<Prefix> CidrsOf(string network) => _inventory is not null && _inventory.Networks.TryGetValue(network, out var cidrs) ? cidrs : [];

    /// <summary>The range of a subnet.</summary>
    public Prefix CidrOf(string subnetId) => _subnets.TryGetValue(subnetId, out var subnet) ? subnet.Cidr : default;

    /// <summary>Notes that addresses of a subnet were taken.</summary>
    public void Taken(string subnetId, int addresses)
    {
        if (_subnets.TryGetValue(subnetId, out var subnet))
        {
            _subnets[subnetId] = subnet with { FreeAddresses = Math.Max(0, subnet.FreeAddresses - addresses) };
        }
    }

    /// <summary>Notes that addresses were taken from an interface.</summary>
    public void TakenAway(string instanceId, string interfaceId, IEnumerable<IpAddr> addresses)
    {
        foreach (var address in addresses)
        {
            _takenAway[(interfaceId, address)] = time.GetUtcNow();
        }

        _byInstance[instanceId] = WithoutTakenAway(InterfacesOf(instanceId));
    }

    private List<CloudInterface> WithoutTakenAway(IEnumerable<CloudInterface> interfaces)
    {
        foreach (var old in _takenAway.Where(pair => time.GetUtcNow() - pair.Value >= s_late).Select(pair => pair.Key).ToList())
        {
            _takenAway.Remove(old);
        }

        return [.. interfaces.OrderBy(found => found.Index).Select(found => found with
        {
            Addresses = found.Addresses.Where(address => !_takenAway.ContainsKey((found.Id, address))).ToEquatableArray(),
        })];
    }
}

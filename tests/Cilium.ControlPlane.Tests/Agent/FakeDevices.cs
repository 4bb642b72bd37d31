using Cilium.ControlPlane.Nodes;
using Cilium.Core;

namespace Cilium.ControlPlane.Tests.Agent;

/// <summary>Devices that have the addresses that tests give them.</summary>
internal sealed class FakeDevices : ILocalDevices
{
    public Dictionary<IpAddr, string> Addresses { get; } = [];

    public IReadOnlyDictionary<int, string> All() => Addresses.Values.Distinct().Select((name, index) => (name, index)).ToDictionary(pair => pair.index + 1, pair => pair.name);

    public string? DeviceOf(IpAddr address) => Addresses.GetValueOrDefault(address);

    public IReadOnlyList<IpAddr> AddressesOf(string name) => [.. Addresses.Where(pair => pair.Value == name).Select(pair => pair.Key)];
}

using Cilium.ControlPlane.Health;

namespace Cilium.ControlPlane.Tests.Health;

public sealed class HealthModelsTests
{
    [Theory]
    [InlineData(0, 41.6)]
    [InlineData(1, 41.6)]
    [InlineData(4, 96.6)]
    [InlineData(5000, 511.0)]
    public void Many_nodes_are_asked_less_often(int nodes, double seconds) => Assert.Equal(seconds, HealthModels.IntervalFor(nodes).TotalSeconds, 0.1);
}

using Cilium.Bpf;
using Cilium.Datapath.Kernel;

namespace Cilium.Simulation.Nodes;

/// <summary>Keeps nothing: a virtual node ends with its process.</summary>
internal sealed class ForgottenMaps : IMapKeeper
{
    /// <inheritdoc/>
    public BpfMap? Find(string name, MapShape declared) => null;

    /// <inheritdoc/>
    public void Keep(string name, BpfMap map)
    {
        // The loaded datapath holds it.
    }
}

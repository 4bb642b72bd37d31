using Cilium.Bpf;

namespace Cilium.Datapath.Kernel;

/// <summary>Where maps outlive their agent.</summary>
internal interface IMapKeeper
{
    /// <summary>The map that an earlier agent left under a name, when it is as declared; otherwise null.</summary>
    BpfMap? Find(string name, MapShape declared);

    /// <summary>Keeps a new map for later agents.</summary>
    void Keep(string name, BpfMap map);
}

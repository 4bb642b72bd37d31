global using MatchType = Cilium.Datapath.Maps.MatchType;

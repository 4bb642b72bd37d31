Console.Error.WriteLine("cilium-cni: not assembled yet");
return 1;
